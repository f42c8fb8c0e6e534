# Written in what provider 3.39 (May 2021) and 6.x both understand; no other provider is needed.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.39"
    }
  }
}
