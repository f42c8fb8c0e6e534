"""The project's Terraform module, and what runs it: `adapter.Terraform` is the door."""
