# The only Spot that keeps one resource for one host in both 3.39 and 6.x. RequestSpotInstances cannot
# tag the instance that it starts, nor set its metadata options (the provider's issue 25896): the
# request is tagged in the call and the instance right after it; the README says what is left to do.
resource "aws_spot_instance_request" "host" {
  for_each = var.spot ? local.hosts : toset([])

  spot_type            = "one-time"
  wait_for_fulfillment = true

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
  tags                        = merge(local.tags, { Name = each.key })

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.disk_gib
    encrypted             = true
    delete_on_termination = true
  }

  lifecycle {
    ignore_changes = [ami, user_data]
  }

  depends_on = [aws_route_table_association.this]
}

locals {
  spot_tags = var.spot ? merge([
    for host in local.hosts : {
      for key, value in merge(local.tags, { Name = host }) : "${host} ${key}" => {
        host  = host
        key   = key
        value = value
      }
    }
  ]...) : {}
}

resource "aws_ec2_tag" "spot" {
  for_each = local.spot_tags

  resource_id = aws_spot_instance_request.host[each.value.host].spot_instance_id
  key         = each.value.key
  value       = each.value.value
}
