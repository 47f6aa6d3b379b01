module trunkline

go 1.19
