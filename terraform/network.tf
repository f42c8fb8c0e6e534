locals {
  make_network = var.subnet_id == ""
  subnet_id    = local.make_network ? aws_subnet.this[0].id : var.subnet_id
  vpc_id       = local.make_network ? aws_vpc.this[0].id : data.aws_subnet.given[0].vpc_id
}

data "aws_subnet" "given" {
  count = local.make_network ? 0 : 1

  id = var.subnet_id
}

resource "aws_vpc" "this" {
  count = local.make_network ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = local.unique })
}

# Without rules: what is put into the VPC by mistake reaches nothing.
resource "aws_default_security_group" "this" {
  count = local.make_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = local.tags
}

resource "aws_subnet" "this" {
  count = local.make_network ? 1 : 0

  vpc_id            = aws_vpc.this[0].id
  cidr_block        = var.vpc_cidr
  availability_zone = var.availability_zone == "" ? null : var.availability_zone
  tags              = merge(local.tags, { Name = local.unique })

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_internet_gateway" "this" {
  count = local.make_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = local.unique })
}

resource "aws_route_table" "this" {
  count = local.make_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = local.unique })
}

resource "aws_route" "internet" {
  count = local.make_network ? 1 : 0

  route_table_id         = aws_route_table.this[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "this" {
  count = local.make_network ? 1 : 0

  subnet_id      = aws_subnet.this[0].id
  route_table_id = aws_route_table.this[0].id

  # A host is of no use before it has a way out, and needs it until it is gone.
  depends_on = [aws_route.internet]
}

# Rules inside the group, so that rules added by hand are seen and removed.
resource "aws_security_group" "this" {
  name        = local.unique
  description = "Hosts of the argoexec fleet ${var.name}"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = local.unique })

  dynamic "ingress" {
    for_each = length(var.client_cidrs) > 0 ? { 22 = "SSH", (var.daemon_port) = "argoexec daemon" } : {}

    content {
      description = "${ingress.value} from the clients"
      protocol    = "tcp"
      from_port   = tonumber(ingress.key)
      to_port     = tonumber(ingress.key)
      cidr_blocks = var.client_cidrs
    }
  }

  dynamic "egress" {
    for_each = var.egress_open ? [] : distinct(concat(
      ["udp 53", "tcp 53"], [for port in var.egress_ports : "tcp ${port}"]
    ))

    content {
      description = "${egress.value} for names, packages and images"
      protocol    = split(" ", egress.value)[0]
      from_port   = tonumber(split(" ", egress.value)[1])
      to_port     = tonumber(split(" ", egress.value)[1])
      cidr_blocks = ["0.0.0.0/0"]
    }
  }

  dynamic "egress" {
    for_each = var.egress_open ? ["all"] : []

    content {
      description = "Everything, as egress_open asks"
      protocol    = "-1"
      from_port   = 0
      to_port     = 0
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}
