"""Packages for Lambda: the same sources give the same bytes, wherever they are built."""
