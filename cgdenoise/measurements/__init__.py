"""Files of measurements, and of what belongs to them, into NumPy arrays."""

from cgdenoise.measurements.bart import encode_cfl, read_cfl, write_cfl
from cgdenoise.measurements.files import SUFFIXES, Measurements, in_row_major_order, read_measurements, read_named, read_variable
from cgdenoise.measurements.npz import sparse_parts
from cgdenoise.measurements.sparse import is_sparse_file, read_sparse
from cgdenoise.measurements.variables import AS_NAMED, ROLES

__all__ = [
    "AS_NAMED",
    "ROLES",
    "SUFFIXES",
    "Measurements",
    "encode_cfl",
    "in_row_major_order",
    "is_sparse_file",
    "read_cfl",
    "read_measurements",
    "read_named",
    "read_sparse",
    "read_variable",
    "sparse_parts",
    "write_cfl",
]
