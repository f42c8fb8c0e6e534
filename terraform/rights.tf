data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  make_profile     = var.instance_profile == ""
  instance_profile = local.make_profile ? aws_iam_instance_profile.this[0].name : var.instance_profile

  # IAM knows no regions: the same fleet may exist in two of them. `id` is the one name of a region
  # that both 3.39 and 6.x give.
  role = "${local.unique}-${data.aws_region.current.id}"

  repositories = length(var.ecr_repository_arns) > 0 ? var.ecr_repository_arns : [
    "arn:${data.aws_partition.current.partition}:ecr:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:repository/*"
  ]
}

resource "aws_iam_role" "this" {
  count = local.make_profile ? 1 : 0

  name        = local.role
  path        = "/argoexec/"
  description = "Hosts of the argoexec fleet ${var.name}"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "pull" {
  count = local.make_profile ? 1 : 0

  name = "ecr-pull"
  role = aws_iam_role.this[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # AWS knows no narrower resource for this action.
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability",
          "ecr:BatchGetImage",
          "ecr:GetDownloadUrlForLayer",
        ]
        Resource = local.repositories
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "ssm" {
  count = local.make_profile && var.ssm ? 1 : 0

  role       = aws_iam_role.this[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "this" {
  count = local.make_profile ? 1 : 0

  name = local.role
  path = "/argoexec/"
  role = aws_iam_role.this[0].name
  tags = local.tags
}
