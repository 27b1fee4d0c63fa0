"""The painters: each takes a size and a random generator and returns pixels (size, size, 3), RGB, 0 to 255."""
