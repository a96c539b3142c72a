terraform import pve_notification_sendmail.admins mail-to-admins
