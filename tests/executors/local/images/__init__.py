"""Images: pulls, their record, and what is removed."""
