"""A fleet's life: provisioned, continued, repaired, looked at and destroyed."""
