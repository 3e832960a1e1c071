// AuraPipelines
