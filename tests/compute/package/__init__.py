"""What hosts install."""
