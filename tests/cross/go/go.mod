module cross

go 1.19

require trunkline v0.0.0

replace trunkline => ../../../bindings/go
