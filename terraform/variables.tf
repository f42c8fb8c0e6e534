variable "name" {
  description = "Name of the fleet; its hosts are NAME-0, NAME-1, ..."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", var.name))
    error_message = "The name must be 1 to 30 lower-case letters, digits and dashes, and begin with a letter."
  }
}

variable "owner" {
  description = "Who answers for the fleet: a person, a team, a pipeline. A tag on everything."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._@+=-]{1,64}$", var.owner))
    error_message = "The owner must be 1 to 64 letters, digits and . _ @ + = -."
  }
}

variable "tags" {
  description = "Further tags for everything that can have tags."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !can(regex("^(argoexec:|aws:|Name$)", key))])
    error_message = "The tags Name, argoexec:... and aws:... are not yours to set."
  }
}

# ---- hosts

variable "host_count" {
  description = "How many hosts. Raising it adds hosts, lowering it ends the ones with the highest numbers."
  type        = number
  default     = 1

  validation {
    condition     = var.host_count >= 0 && var.host_count <= 100 && floor(var.host_count) == var.host_count
    error_message = "The count must be a whole number from 0 to 100."
  }
}

variable "instance_type" {
  description = "EC2 instance type of every host. A change stops each host and starts it again."
  type        = string
  default     = "t3.small"

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.instance_type))
    error_message = "An instance type looks like t3.small."
  }
}

variable "arch" {
  description = "Architecture of the image: x86_64 or arm64. It must be the instance type's."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.arch)
    error_message = "The architecture is x86_64 or arm64."
  }
}

variable "os" {
  description = "Operating system: al2023, ubuntu-24.04 or debian-12. Says which public image, and who logs in."
  type        = string
  default     = "debian-12"

  validation {
    condition     = contains(["al2023", "ubuntu-24.04", "debian-12"], var.os)
    error_message = "The operating system is al2023, ubuntu-24.04 or debian-12."
  }
}

variable "ami" {
  description = "Image to use in place of the newest public one of `os`. Hosts that exist keep theirs."
  type        = string
  default     = ""

  validation {
    condition     = var.ami == "" || can(regex("^ami-[0-9a-f]+$", var.ami))
    error_message = "An image looks like ami-0123456789abcdef0."
  }
}

variable "spot" {
  description = "Use Spot capacity, which AWS may take back with two minutes' notice."
  type        = bool
  default     = false
}

variable "disk_gib" {
  description = "Size of each host's encrypted gp3 root volume, in GiB."
  type        = number
  default     = 30

  validation {
    condition     = var.disk_gib >= 8 && var.disk_gib <= 16384
    error_message = "The disk must have 8 to 16384 GiB."
  }
}

variable "detailed_monitoring" {
  description = "CloudWatch metrics every minute instead of every five."
  type        = bool
  default     = true
}

variable "ssh_public_key" {
  description = "Public key, in OpenSSH's form, that may log in."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp[0-9]+) [A-Za-z0-9+/=]+", var.ssh_public_key))
    error_message = "A public key looks like: ssh-ed25519 AAAA..."
  }
}

variable "lease_seconds" {
  description = "A host whose lease is not renewed for so long ends itself. 0: never."
  type        = number
  default     = 28800

  validation {
    condition     = var.lease_seconds == 0 || (var.lease_seconds >= 900 && var.lease_seconds <= 31536000)
    error_message = "The lease is 0, or 900 (a quarter of an hour) to 31536000 (a year)."
  }
}

# ---- network

variable "subnet_id" {
  description = "Subnet for the hosts. Empty: a VPC with one public subnet is made."
  type        = string
  default     = ""

  validation {
    condition     = var.subnet_id == "" || can(regex("^subnet-[0-9a-f]+$", var.subnet_id))
    error_message = "A subnet looks like subnet-0123456789abcdef0."
  }
}

variable "availability_zone" {
  description = "Zone of the subnet that is made. Empty: AWS chooses. Does not move a subnet that exists."
  type        = string
  default     = ""
}

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made."
  type        = string
  default     = "10.73.0.0/24"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "The addresses of a VPC look like 10.73.0.0/24."
  }
}

variable "public_ip" {
  description = "Give every host a public address. Without one, a given subnet needs a NAT gateway or proxy."
  type        = bool
  default     = true
}

variable "client_cidrs" {
  description = "Who may open connections to the hosts' SSH and daemon. Never wider than /8; empty: nobody."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for cidr in var.client_cidrs : can(cidrnetmask(cidr)) && can(regex("/([89]|[12][0-9]|3[0-2])$", cidr))
    ])
    error_message = "Give IPv4 addresses such as 203.0.113.7/32, nothing wider than /8: the whole internet (0.0.0.0/0, ::/0) must not reach a daemon that runs containers."
  }
}

variable "daemon_port" {
  description = "TCP port of the daemon."
  type        = number
  default     = 7401

  validation {
    condition     = var.daemon_port >= 1024 && var.daemon_port <= 65535
    error_message = "The port must be 1024 to 65535."
  }
}

variable "egress_ports" {
  description = "TCP ports that hosts may reach anywhere, for packages and images. DNS is always allowed."
  type        = list(number)
  default     = [80, 443]
}

variable "egress_open" {
  description = "Let hosts reach every address and port."
  type        = bool
  default     = false
}

# ---- rights

variable "instance_profile" {
  description = "Existing instance profile for the hosts. Empty: one with only the rights below is made."
  type        = string
  default     = ""
}

variable "ssm" {
  description = "Let AWS Systems Manager reach the hosts (AmazonSSMManagedInstanceCore)."
  type        = bool
  default     = true
}

variable "ecr_repository_arns" {
  description = "ECR repositories that hosts may pull from. Empty: all of this account in this region."
  type        = list(string)
  default     = []
}
