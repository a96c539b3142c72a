# People log in by somebody who vouches for them; the automation has a user of its own.
resource "pve_realm_openid" "home" {
  realm      = "home"
  issuer_url = var.login.issuer
  client_id  = var.login.client

  depends_on = [pve_cluster_member.other]
}

resource "pve_group" "admins" {
  groupid = "admins"

  depends_on = [pve_cluster_member.other]
}

resource "pve_acl" "admins" {
  path   = "/"
  roleid = "Administrator"
  who    = "@${pve_group.admins.groupid}"
}

resource "pve_user" "automation" {
  userid  = "automation@pve"
  comment = "Plans and applies"
  groups  = [pve_group.admins.groupid]
}

# PVE tells when a node was fenced. It does not tell of a machine that HA could not start.
resource "pve_notification_webhook" "alerts" {
  name   = "alerts"
  url    = var.alerts
  method = "post"
  header = { Content-Type = "application/json" }
  body   = "{\"text\": \"{{ escape title }}\"}"

  depends_on = [pve_cluster_member.other]
}

resource "pve_notification_matcher" "fencing" {
  name        = "fencing"
  target      = [pve_notification_webhook.alerts.name]
  match_field = ["exact:type=fencing"]
}
