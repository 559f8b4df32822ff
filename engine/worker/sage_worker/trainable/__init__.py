"""What is trained: all parameters, or low-rank adapters beside frozen ones."""
