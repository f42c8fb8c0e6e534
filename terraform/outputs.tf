output "hosts" {
  description = "Every host, in the order of its number: name, id, addresses, zone, login and state."
  value = [
    for number in range(var.host_count) : [
      for host in concat(
        [
          for name, each in aws_instance.host : {
            name              = name
            id                = each.id
            private_ip        = each.private_ip
            public_ip         = each.public_ip
            availability_zone = each.availability_zone
            ssh_user          = local.ssh_user
            state             = each.instance_state
          }
        ],
        [
          for name, each in aws_spot_instance_request.host : {
            name              = name
            id                = each.spot_instance_id
            private_ip        = each.private_ip
            public_ip         = each.public_ip
            availability_zone = each.availability_zone
            ssh_user          = local.ssh_user
            state             = ""
          }
        ],
      ) : host if host.name == "${var.name}-${number}"
    ][0]
  ]
}

output "vpc_id" {
  description = "The VPC that was made, or that of the given subnet."
  value       = local.vpc_id
}

output "subnet_id" {
  description = "The subnet that was made, or the given one."
  value       = local.subnet_id
}

output "security_group_id" {
  description = "The hosts' security group."
  value       = aws_security_group.this.id
}

output "role_arn" {
  description = "The hosts' role; empty where an instance profile was given."
  value       = local.make_profile ? aws_iam_role.this[0].arn : ""
}
