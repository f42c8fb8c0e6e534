# One host in a network of its own. terraform init && terraform apply
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
  region = "eu-central-1"
}

module "fleet" {
  source = "../.."

  name           = "lab"
  owner          = "me@example.com"
  ssh_public_key = file("~/.ssh/id_ed25519.pub")
  client_cidrs   = ["203.0.113.7/32"]
}

output "hosts" {
  description = "Where to log in."
  value       = module.fleet.hosts
}
