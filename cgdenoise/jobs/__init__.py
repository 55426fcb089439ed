"""From files to files: what a command reads, does, and leaves behind."""
