// AuraCodec
