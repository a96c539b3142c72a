//! Tickets and CSRF tokens: `PVE:USER:HEXTIME::SIGNATURE` and `HEXTIME:MAC`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Access, Identity};
use crate::kernel::clock::Time;
use crate::kernel::ids::Ids;

/// How long a ticket is good for, in seconds.
const LIFETIME: u64 = 7200;
/// How far in the future a ticket may have been issued, in seconds.
const SKEW: u64 = 300;

/// The cluster's signing key.
#[derive(Debug)]
pub(super) struct Keys {
    key: [u8; 32],
}

impl Keys {
    pub(super) fn new(ids: &mut Ids) -> Self {
        Keys { key: ids.bytes() }
    }

    /// 32 bytes that only this cluster makes of this text.
    fn sign(&self, text: &str) -> String {
        let inner = Sha256::new().chain_update(self.key).chain_update(text).finalize();
        STANDARD_NO_PAD.encode(Sha256::new().chain_update(self.key).chain_update(inner).finalize())
    }
}

impl Access {
    /// A ticket for a user.
    pub fn issue_ticket(&self, userid: &str, now: Time) -> String {
        let plain = format!("PVE:{userid}:{:08X}", now.unix());
        format!("{plain}::{}", self.keys.sign(&plain))
    }

    /// The token against forged requests that belongs to a ticket issued now.
    pub fn issue_csrf(&self, userid: &str, now: Time) -> String {
        let time = format!("{:08X}", now.unix());
        let mac = self.keys.sign(&format!("csrf:{time}:{userid}"));
        format!("{time}:{mac}")
    }

    /// A secret of some seconds' use that is bound to a user and a purpose: console tickets `PVEVNC:...`.
    pub fn issue_console_ticket(&self, userid: &str, path: &str, now: Time) -> String {
        let time = format!("{:08X}", now.unix());
        format!("PVEVNC:{time}::{}", self.keys.sign(&format!("PVEVNC:{userid}:{path}:{time}")))
    }

    /// The user of a ticket that is good now. The account's state is looked at as well.
    pub fn check_ticket(&self, ticket: &str, now: Time) -> Option<Identity> {
        let (plain, signature) = ticket.split_once("::")?;
        let (userid, time) = plain.strip_prefix("PVE:")?.rsplit_once(':')?;
        let good = self.keys.sign(plain) == signature && fresh(time, now) && self.user_usable(userid, now);
        good.then(|| Identity::user(userid))
    }

    /// Whether this CSRF token was issued to the user and is still good.
    pub fn check_csrf(&self, token: &str, userid: &str, now: Time) -> bool {
        let Some((time, mac)) = token.split_once(':') else { return false };
        self.keys.sign(&format!("csrf:{time}:{userid}")) == mac && fresh(time, now)
    }

    /// Makes every ticket issued so far worthless.
    pub(crate) fn expire_tickets(&mut self, ids: &mut Ids) {
        self.keys = Keys::new(ids);
    }
}

fn fresh(hex_time: &str, now: Time) -> bool {
    let Ok(issued) = u64::from_str_radix(hex_time, 16) else { return false };
    issued <= now.unix() + SKEW && now.unix() < issued + LIFETIME
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::access::ROOT;
    use crate::shape::Shape;

    #[test]
    fn a_ticket_lives_two_hours_of_the_simulated_clock() {
        let access = Access::new(&Shape::default(), &mut Ids::new(1));
        let issued = Time::from_unix(1_000_000_000);
        let ticket = access.issue_ticket(ROOT, issued);
        let csrf = access.issue_csrf(ROOT, issued);
        let at = |seconds| issued + Duration::from_secs(seconds);
        assert_eq!(access.check_ticket(&ticket, at(7199)), Some(Identity::user(ROOT)));
        assert_eq!(access.check_ticket(&ticket, at(7200)), None);
        assert_eq!(access.check_ticket(&ticket.replace("root", "evil"), issued), None);
        assert!(access.check_csrf(&csrf, ROOT, at(7199)) && !access.check_csrf(&csrf, ROOT, at(7200)));
        assert!(!access.check_csrf(&csrf, "a@pve", issued));
    }

    #[test]
    fn a_disabled_or_ended_account_has_no_ticket() {
        let mut access = Access::new(&Shape::default(), &mut Ids::new(1));
        let now = Time::from_unix(1_000_000_000);
        let ticket = access.issue_ticket(ROOT, now);
        access.users.get_mut(ROOT).unwrap().expire = Some(999_999_999);
        assert_eq!(access.check_ticket(&ticket, now), None);
        access.users.get_mut(ROOT).unwrap().expire = Some(0);
        access.users.get_mut(ROOT).unwrap().enable = false;
        assert_eq!(access.check_ticket(&ticket, now), None);
    }

    #[test]
    fn an_expired_key_takes_all_tickets_along() {
        let mut ids = Ids::new(1);
        let mut access = Access::new(&Shape::default(), &mut ids);
        let now = Time::from_unix(1_000_000_000);
        let ticket = access.issue_ticket(ROOT, now);
        access.expire_tickets(&mut ids);
        assert_eq!(access.check_ticket(&ticket, now), None);
        assert!(access.check_ticket(&access.issue_ticket(ROOT, now), now).is_some());
    }
}
