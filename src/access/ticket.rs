//! `pve_ticket`: a login for the length of a run.

use std::time::{Duration, SystemTime};

use pve_client::Secret as Hidden;
use terraform_plugin::{Cx, Diagnostic, Ephemeral, Error, Model, Opened, Say, Secret};

use crate::ground::error::During;
use crate::ground::pve::Pve;

/// A ticket is good for so long, by its own date.
const GOOD_FOR: Duration = Duration::from_secs(2 * 3600);

/// So long before its end it is told of: clocks differ.
const EARLIER: Duration = Duration::from_secs(60);

/// A ticket: what PVE's web interface has after a login, for whatever in a run speaks with PVE by itself. It is never stored, and
/// takes nothing but the password; nothing is written.
///
/// A ticket is good for two hours, which are written into it: it cannot be made to last longer, and is not taken back at the
/// end. A run that lasts longer is warned when it is over. With a second factor, which only a person can give, there is no
/// ticket. Where a token will do, prefer that.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "ticket", area = "Access")]
pub struct Ticket {
    /// Who logs in, with the realm: `root@pam`.
    #[attr(required)]
    pub username: String,
    /// The user's password. May itself be ephemeral.
    #[attr(required, sensitive)]
    pub password: Secret<String>,
    /// The ticket: the value of the cookie `PVEAuthCookie`, percent-encoded there.
    #[attr(computed, sensitive)]
    pub ticket: Option<Secret<String>>,
    /// What goes beside it in the header `CSRFPreventionToken` of every request that writes.
    #[attr(computed, sensitive)]
    pub csrf_token: Option<Secret<String>>,
    /// When it ends, by PVE's clock, as a timestamp in UTC.
    #[attr(computed)]
    pub expires: Option<String>,
}

impl Ephemeral<Pve> for Ticket {
    fn validate(config: &TicketPlan, say: &mut Say<Self>) {
        if let Some(username) = config.username.text()
            && !username.contains('@')
        {
            let cure = format!("\"{username}\" names no realm; did you mean \"{username}@pam\"?");
            say.error("username", "User without a realm", cure);
        }
    }

    async fn open(cx: &Cx<Pve>, config: Self) -> Result<Opened<Self>, Error> {
        let password = Hidden::new(config.password.reveal().clone());
        let session = cx.client.log_in(&config.username, &password).await;
        let session = session.during(format!("There is no ticket for {}", config.username))?;
        let expires = jiff::Timestamp::from_second(session.issued.saturating_add(7200)).ok();
        cx.private.set("username", &config.username);
        let opened = Opened::new(Self {
            ticket: Some(Secret::new(session.ticket.expose().to_owned())),
            csrf_token: Some(Secret::new(session.csrf.expose().to_owned())),
            expires: expires.map(|time| time.to_string()),
            ..config
        });
        // By this machine's clock, which is the one that Terraform looks at.
        Ok(opened.until(SystemTime::now() + GOOD_FOR - EARLIER))
    }

    async fn renew(cx: &Cx<Pve>) -> Result<Option<SystemTime>, Error> {
        let username: String = cx.private.get("username").unwrap_or_default();
        cx.warn(Diagnostic::warning(
            format!("The ticket of {username} ends within a minute"),
            "Its two hours are over, and what was handed out cannot be exchanged within a run. Whatever uses it from then on is \
             refused; apply again for a new one.",
        ));
        Ok(None)
    }
}
