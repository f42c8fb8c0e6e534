# Three arm64 Spot hosts in a private subnet of yours, with a role of yours and a lease of two hours.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.39"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "subnet_id" {
  description = "A subnet with a NAT gateway."
  type        = string
}

module "fleet" {
  source = "../.."

  name             = "night-batch"
  owner            = "data-team"
  ssh_public_key   = file("~/.ssh/id_ed25519.pub")
  client_cidrs     = ["10.0.0.0/8"]
  host_count       = 3
  instance_type    = "c7g.large"
  arch             = "arm64"
  os               = "al2023"
  spot             = true
  subnet_id        = var.subnet_id
  public_ip        = false
  instance_profile = "batch-hosts"
  lease_seconds    = 7200
  tags             = { cost-center = "1234" }
}

output "hosts" {
  description = "Where to log in."
  value       = module.fleet.hosts
}
