"""What a restoration leaves behind: the records of its log, and their picture."""
