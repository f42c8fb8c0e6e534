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
  # checkov:skip=CKV2_AWS_11: Flow logs cost more than the hosts of a small fleet, and live on after it. Give a subnet of a VPC that has them.
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

locals {
  # Rules as whole values and not as blocks: without any block the provider would keep old rules.
  rule = {
    protocol         = "tcp"
    ipv6_cidr_blocks = []
    prefix_list_ids  = []
    security_groups  = []
    self             = false
  }

  ingress = [
    for port, what in { 22 = "SSH", (var.daemon_port) = "argoexec daemon" } : merge(local.rule, {
      description = "${what} from the clients"
      from_port   = tonumber(port)
      to_port     = tonumber(port)
      cidr_blocks = var.client_cidrs
    }) if length(var.client_cidrs) > 0
  ]

  egress_ports = distinct(concat(["udp 53", "tcp 53"], [for port in var.egress_ports : "tcp ${port}"]))

  egress_limited = [
    for port in local.egress_ports : merge(local.rule, {
      description = "${port} for names, packages and images"
      protocol    = split(" ", port)[0]
      from_port   = tonumber(split(" ", port)[1])
      to_port     = tonumber(split(" ", port)[1])
      cidr_blocks = ["0.0.0.0/0"]
    })
  ]

  egress_open = [
    merge(local.rule, {
      description = "Everything, as egress_open asks"
      protocol    = "-1"
      from_port   = 0
      to_port     = 0
      cidr_blocks = ["0.0.0.0/0"]
    })
  ]
}

# Rules inside the group, so that rules added by hand are seen and removed.
resource "aws_security_group" "this" {
  name        = local.unique
  description = "Hosts of the argoexec fleet ${var.name}"
  vpc_id      = local.vpc_id
  ingress     = local.ingress
  egress      = var.egress_open ? local.egress_open : local.egress_limited
  tags        = merge(local.tags, { Name = local.unique })
}
