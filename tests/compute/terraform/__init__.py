"""The Terraform adapter, recorded and for real."""
