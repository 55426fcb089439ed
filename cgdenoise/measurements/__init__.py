"""Files of measurements, and of what belongs to them, into NumPy arrays."""

from cgdenoise.measurements.bart import encode_cfl, read_cfl, write_cfl
from cgdenoise.measurements.files import SUFFIXES, Measurements, read_measurements
from cgdenoise.measurements.sparse import read_sparse

__all__ = ["SUFFIXES", "Measurements", "encode_cfl", "read_cfl", "read_measurements", "read_sparse", "write_cfl"]
