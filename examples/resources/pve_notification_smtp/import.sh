terraform import pve_notification_smtp.office office-mail
