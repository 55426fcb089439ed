"""What takes the time of groups of similar patches, compiled."""
