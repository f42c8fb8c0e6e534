# terraform test: the provider is mocked, so this needs neither an account nor the network.

mock_provider "aws" {
  mock_data "aws_ssm_parameter" {
    defaults = { value = "ami-0123456789abcdef0" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_subnet" {
    defaults = { vpc_id = "vpc-0123456789abcdef0" }
  }
  mock_resource "aws_spot_instance_request" {
    defaults = { spot_instance_id = "i-0123456789abcdef0" }
  }
}

variables {
  name           = "lab"
  owner          = "me@example.com"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJr0UzGCuUWqUaHvkVdNE4nNn8Ggnn9gBAM2sgD6EM7"
  client_cidrs   = ["203.0.113.7/32"]
}

run "hosts_are_hardened_and_named" {
  command = apply

  variables {
    host_count = 12
  }

  assert {
    condition     = [for host in output.hosts : host.name] == [for number in range(12) : "lab-${number}"]
    error_message = "hosts come in the order of their numbers, 10 after 9"
  }
  assert {
    condition = alltrue([for host in aws_instance.host :
      host.metadata_options[0].http_tokens == "required" &&
      host.metadata_options[0].http_put_response_hop_limit == 1 &&
      host.root_block_device[0].encrypted && host.root_block_device[0].volume_type == "gp3" &&
      host.instance_initiated_shutdown_behavior == "terminate" && host.ebs_optimized && host.monitoring
    ])
    error_message = "IMDSv2 with one hop, encrypted gp3, an end at shutdown"
  }
  assert {
    condition = alltrue([for host in aws_instance.host :
      host.tags["argoexec:fleet"] == "lab" && host.volume_tags["argoexec:owner"] == "me@example.com"
    ])
    error_message = "instance and volume carry fleet and owner"
  }
  assert {
    condition     = output.hosts[0].ssh_user == "admin"
    error_message = "Debian's user is admin"
  }
  assert {
    condition     = startswith(aws_instance.host["lab-0"].user_data, "#cloud-boothook\n#!/bin/sh\n")
    error_message = "the lease is armed before anything else of cloud-init"
  }
}

run "only_clients_come_in_and_little_goes_out" {
  command = apply

  assert {
    condition = toset([for rule in aws_security_group.this.ingress : rule.from_port]) == toset([22, 7401]) && alltrue([
      for rule in aws_security_group.this.ingress : rule.cidr_blocks == tolist(["203.0.113.7/32"]) && rule.protocol == "tcp"
    ])
    error_message = "SSH and the daemon, for the clients"
  }
  assert {
    condition     = toset([for rule in aws_security_group.this.egress : rule.from_port]) == toset([53, 80, 443])
    error_message = "names, packages and images"
  }
}

run "nobody_may_come_in_when_nobody_is_named" {
  command = apply

  variables {
    client_cidrs = []
    egress_open  = true
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0
    error_message = "no rule without clients"
  }
  assert {
    condition     = [for rule in aws_security_group.this.egress : rule.protocol] == ["-1"]
    error_message = "egress_open opens egress"
  }
}

run "a_given_network_and_profile_are_used" {
  command = apply

  variables {
    subnet_id        = "subnet-0123456789abcdef0"
    instance_profile = "theirs"
    os               = "ubuntu-24.04"
    ami              = "ami-00000000000000001"
    host_count       = 13
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_iam_role.this) == 0 && length(data.aws_ssm_parameter.image) == 0
    error_message = "nothing is made or read that was given"
  }
  assert {
    condition = (
      aws_instance.host["lab-0"].subnet_id == "subnet-0123456789abcdef0" &&
      aws_instance.host["lab-0"].iam_instance_profile == "theirs" &&
      aws_instance.host["lab-12"].ami == "ami-00000000000000001" &&
      output.vpc_id == "vpc-0123456789abcdef0" && output.hosts[0].ssh_user == "ubuntu"
    )
    error_message = "what was given is used"
  }
  assert {
    condition     = aws_instance.host["lab-0"].ami == "ami-0123456789abcdef0"
    error_message = "another image replaces no host that exists"
  }
}

run "spot_hosts_are_requests" {
  command = apply

  variables {
    spot       = true
    host_count = 2
  }

  assert {
    condition     = length(aws_instance.host) == 0 && length(aws_spot_instance_request.host) == 2
    error_message = "one request for one host"
  }
  assert {
    condition     = length(aws_ec2_tag.spot) == 6 && output.hosts[1].id == "i-0123456789abcdef0"
    error_message = "their instances get name, fleet and owner"
  }
}

run "rights_are_few" {
  command = apply

  assert {
    condition     = jsondecode(aws_iam_role_policy.pull[0].policy).Statement[1].Resource == ["arn:aws:ecr:eu-central-1:123456789012:repository/*"]
    error_message = "pull from this account and region only"
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.pull[0].policy, "Put") && !strcontains(aws_iam_role_policy.pull[0].policy, "ec2:")
    error_message = "nothing may be pushed, and no instance managed"
  }
}

run "two_owners_of_one_name_do_not_meet" {
  command = plan

  variables {
    owner = "you@example.com"
  }

  assert {
    condition     = aws_key_pair.this.key_name == "argoexec-lab-${substr(sha256("you@example.com/lab"), 0, 6)}"
    error_message = "names differ by owner"
  }
}

run "the_whole_internet_is_refused" {
  command = plan

  variables {
    client_cidrs = ["10.0.0.0/8", "0.0.0.0/0"]
  }

  expect_failures = [var.client_cidrs]
}

run "the_whole_internet_is_refused_in_ipv6" {
  command = plan

  variables {
    client_cidrs = ["::/0"]
  }

  expect_failures = [var.client_cidrs]
}

run "the_whole_internet_is_refused_in_disguise" {
  command = plan

  variables {
    client_cidrs = ["203.0.113.7/0"]
  }

  expect_failures = [var.client_cidrs]
}

run "half_of_the_internet_is_refused" {
  command = plan

  variables {
    client_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }

  expect_failures = [var.client_cidrs]
}

run "what_cannot_be_is_refused" {
  command = plan

  variables {
    name          = "Lab"
    owner         = "two words"
    arch          = "riscv"
    os            = "windows"
    host_count    = 1.5
    lease_seconds = 60
    ami           = "latest"
    subnet_id     = "mine"
    disk_gib      = 1
    daemon_port   = 22
    tags          = { "argoexec:fleet" = "other" }
  }

  expect_failures = [
    var.name, var.owner, var.arch, var.os, var.host_count, var.lease_seconds, var.ami,
    var.subnet_id, var.disk_gib, var.daemon_port, var.tags,
  ]
}
