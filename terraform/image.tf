locals {
  debian_arch = { x86_64 = "amd64", arm64 = "arm64" }[var.arch]

  # The publishers' own parameters, which always name their newest image.
  image_parameter = {
    "al2023"       = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.arch}"
    "ubuntu-24.04" = "/aws/service/canonical/ubuntu/server/24.04/stable/current/${local.debian_arch}/hvm/ebs-gp3/ami-id"
    "debian-12"    = "/aws/service/debian/release/12/latest/${local.debian_arch}"
  }[var.os]

  # The provider calls every parameter's value sensitive; the id of a public image is not.
  ami = var.ami != "" ? var.ami : nonsensitive(data.aws_ssm_parameter.image[0].value)
}

data "aws_ssm_parameter" "image" {
  count = var.ami == "" ? 1 : 0

  name = local.image_parameter
}
