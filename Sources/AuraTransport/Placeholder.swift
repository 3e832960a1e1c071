// AuraTransport
