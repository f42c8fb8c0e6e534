locals {
  # Two owners' fleets of one name live in one account without meeting.
  unique = "argoexec-${var.name}-${substr(sha256("${var.owner}/${var.name}"), 0, 6)}"

  hosts = toset([for number in range(var.host_count) : "${var.name}-${number}"])

  tags = merge(var.tags, {
    "argoexec:fleet" = var.name
    "argoexec:owner" = var.owner
  })

  ssh_user = {
    "al2023"       = "ec2-user"
    "ubuntu-24.04" = "ubuntu"
    "debian-12"    = "admin"
  }[var.os]

  user_data = templatefile("${path.module}/files/lease.sh.tftpl", {
    lease_seconds = var.lease_seconds
  })
}

resource "aws_key_pair" "this" {
  key_name   = local.unique
  public_key = var.ssh_public_key
  tags       = local.tags
}

resource "aws_instance" "host" {
  # checkov:skip=CKV_AWS_88: A host in the subnet that is made has no other way to packages and images; its group lets nobody in but client_cidrs. public_ip = false turns it off.
  for_each = var.spot ? toset([]) : local.hosts

  ami                         = local.ami
  instance_type               = var.instance_type
  subnet_id                   = local.subnet_id
  vpc_security_group_ids      = [aws_security_group.this.id]
  associate_public_ip_address = var.public_ip
  key_name                    = aws_key_pair.this.key_name
  iam_instance_profile        = local.instance_profile
  ebs_optimized               = true
  monitoring                  = var.detailed_monitoring
  user_data                   = local.user_data

  # What the lease's shutdown needs in order to be the end, without any right in IAM.
  instance_initiated_shutdown_behavior = "terminate"

  # volume_tags, not root_block_device.tags: with it the provider tags in RunInstances itself.
  tags        = merge(local.tags, { Name = each.key })
  volume_tags = merge(local.tags, { Name = each.key })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.disk_gib
    encrypted             = true
    delete_on_termination = true
  }

  lifecycle {
    # Both would replace a host that runs tasks: a newer public image, another lease. The lease of a
    # host that exists is changed on the host.
    ignore_changes = [ami, user_data]
  }

  depends_on = [aws_route_table_association.this]
}
