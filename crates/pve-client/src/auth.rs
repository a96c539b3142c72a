//! Who we are: an API token, a ticket, or both.

use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::Login;
use crate::connection::{Answer, Connections, Message};
use crate::error::{AuthError, AuthReason, Refusal};
use crate::{Config, Error, Request, Secret, answer};

/// A ticket is good for 7200 s of the server's clock; it is renewed when this much is gone, which leaves room for the
/// nodes' clocks to differ.
const RENEW_AFTER: i64 = 5400;

/// From here on a ticket is not even good for its own renewal.
const DEAD_AFTER: i64 = 7100;

/// A refused password is not tried again for this long: each try costs three seconds, and many tries look like an
/// attack.
const REFUSED_FOR: Duration = Duration::from_secs(60);

const ROOT: &str = "root@pam";

/// The credentials and the ticket made from them.
pub(crate) struct Auth {
    token: Option<HeaderValue>,
    /// `USER@REALM!ID` of the token: what PVE calls whoever uses it.
    token_id: Option<String>,
    login: Option<Login>,
    state: Mutex<State>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    ticket: Option<Arc<Ticket>>,
    refused: Option<(Instant, Error)>,
    made: u64,
}

/// A ticket as it is sent.
pub(crate) struct Ticket {
    text: Secret,
    cookie: HeaderValue,
    csrf: HeaderValue,
    /// When it was issued, by the server's clock.
    issued: i64,
    number: u64,
}

/// What a request is sent with.
#[derive(Clone)]
pub(crate) enum Credential {
    Token(HeaderValue),
    Ticket(Arc<Ticket>),
}

impl Credential {
    pub(crate) fn headers(&self, write: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Credential::Token(token) => {
                headers.insert(header::AUTHORIZATION, token.clone());
            }
            Credential::Ticket(ticket) => {
                headers.insert(header::COOKIE, ticket.cookie.clone());
                if write {
                    headers.insert("CSRFPreventionToken", ticket.csrf.clone());
                }
            }
        }
        headers
    }
}

impl Auth {
    pub(crate) fn new(config: &Config) -> Result<Auth, Error> {
        if let Some(login) = &config.login
            && !login.username.contains('@')
        {
            let name = &login.username;
            return Err(Error::Config(format!("the user name {name:?} has no realm: {name}@pam or {name}@pve?")));
        }
        let token = config.token.as_ref().map(token_header).transpose()?;
        let token_id = config.token.as_ref().and_then(token_id);
        Ok(Auth { token, token_id, login: config.login.clone(), state: Mutex::default(), clock: Clock::default() })
    }

    /// Whether PVE calls one of our credentials by this name.
    pub(crate) fn is_us(&self, user: &str) -> bool {
        self.token_id.as_deref() == Some(user) || self.login.as_ref().is_some_and(|login| login.username == user)
    }

    /// Whether requests that anybody may send go as this user: the token's, else the one that logs in.
    pub(crate) fn comes_as(&self, userid: &str) -> bool {
        match &self.token_id {
            Some(token) => token.split('!').next() == Some(userid),
            None => self.login.as_ref().is_some_and(|login| login.username == userid),
        }
    }

    /// The server's time, if it was ever heard; Unix seconds.
    pub(crate) fn server_time(&self) -> Option<i64> {
        self.clock.now()
    }

    pub(crate) fn has_root(&self) -> bool {
        self.login.as_ref().is_some_and(|login| login.username == ROOT)
    }

    /// Learns the server's time from an answer.
    pub(crate) fn heard(&self, answer: &Answer) {
        if let Some(date) = date(&answer.headers) {
            self.clock.set(date);
        }
    }

    /// What to send a request with; logs in if that is needed.
    pub(crate) async fn credential(&self, connections: &Connections, request: &Request) -> Result<Credential, Error> {
        if request.needs_root() {
            let why = match &self.login {
                Some(login) if login.username == ROOT => {
                    return self.ticket(connections, None).await.map_err(|error| roots_own(error, request));
                }
                Some(login) => format!("the login given is {}", login.username),
                None => "no login is given, only a token".to_owned(),
            };
            let message = format!("PVE reserves this to {ROOT} with its password; {why}");
            return Err(Error::NeedsRootTicket(Refusal { request: request.describe(), status: 0, message }));
        }
        match &self.token {
            Some(token) => Ok(Credential::Token(token.clone())),
            None => self.ticket(connections, None).await,
        }
    }

    /// After a 401: another credential worth trying, or the error that it means.
    pub(crate) async fn after_refusal(
        &self,
        connections: &Connections,
        refused: &Credential,
        again: bool,
        reason: &str,
    ) -> Result<Credential, Error> {
        let (reason, message) = match refused {
            Credential::Ticket(ticket) if !again => return self.ticket(connections, Some(ticket.number)).await,
            Credential::Ticket(_) => {
                (AuthReason::TicketRefused, format!("PVE refuses the ticket it has just given: {reason}"))
            }
            Credential::Token(_) => (AuthReason::WrongToken, format!("PVE refuses the API token: {reason}")),
        };
        Err(Error::Unauthenticated(AuthError { reason, message }))
    }

    /// A ticket good for a while, other than the one with the number given. Readers that come meanwhile wait.
    async fn ticket(&self, connections: &Connections, refused: Option<u64>) -> Result<Credential, Error> {
        let Some(login) = &self.login else {
            let message = "neither an API token nor a login is given".to_owned();
            return Err(Error::Unauthenticated(AuthError { reason: AuthReason::NoCredentials, message }));
        };
        let mut state = self.state.lock().await;
        if let Some(ticket) = &state.ticket
            && Some(ticket.number) == refused
        {
            state.ticket = None;
        }
        if let Some(ticket) = state.ticket.clone() {
            let age = self.clock.now().map_or(0, |now| now.saturating_sub(ticket.issued));
            if age < RENEW_AFTER {
                return Ok(Credential::Ticket(ticket));
            }
            if age < DEAD_AFTER {
                match self.log_in(connections, login, &ticket.text, state.made + 1).await {
                    Ok(fresh) => return Ok(keep(&mut state, fresh)),
                    Err(Error::Unauthenticated(_)) => {}
                    // It is still good; the next request tries again.
                    Err(error) => {
                        tracing::debug!(%error, "the ticket was not renewed");
                        return Ok(Credential::Ticket(ticket));
                    }
                }
            }
            state.ticket = None;
        }
        if let Some((at, error)) = &state.refused
            && at.elapsed() < REFUSED_FOR
        {
            return Err(error.clone());
        }
        match self.log_in(connections, login, &login.password, state.made + 1).await {
            Ok(fresh) => Ok(keep(&mut state, fresh)),
            Err(error) => {
                if matches!(error, Error::Unauthenticated(_)) {
                    state.refused = Some((Instant::now(), error.clone()));
                }
                Err(error)
            }
        }
    }

    async fn log_in(
        &self,
        connections: &Connections,
        login: &Login,
        password: &Secret,
        number: u64,
    ) -> Result<Ticket, Error> {
        let Session { ticket, csrf, issued } = self.session(connections, &login.username, password).await?;
        let cookie = format!("PVEAuthCookie={}", utf8_percent_encode(ticket.expose(), NON_ALPHANUMERIC));
        let (Some(cookie), Some(csrf)) = (secret_header(&cookie), secret_header(csrf.expose())) else {
            return Err(unusable());
        };
        Ok(Ticket { cookie, csrf, text: ticket, issued, number })
    }

    /// Logs somebody in.
    pub(crate) async fn session(
        &self,
        connections: &Connections,
        username: &str,
        password: &Secret,
    ) -> Result<Session, Error> {
        let request =
            Request::post("access/ticket").param("username", username).secret("password", password).secret_answer();
        let message = Message {
            method: request.method().clone(),
            uri: request.uri(),
            headers: HeaderMap::new(),
            form: request.form(),
            file: None,
            node: None,
            // A second ticket does no harm.
            repeatable: true,
            name: request.describe(),
        };
        let (answer, endpoint) = connections.send(&message).await?;
        self.heard(&answer);
        tracing::debug!(endpoint = endpoint.url(), status = answer.status, "login");
        let fail = |reason, message: String| Err(Error::Unauthenticated(AuthError { reason, message }));
        if answer.status == 401 {
            let message = format!("PVE refuses the login of {username}: {}", answer::message(&answer));
            return fail(AuthReason::WrongLogin, message);
        }
        let given: Given = answer::parse(&answer, &request)?;
        // Such a ticket is half a login: it holds what is asked for, and opens nothing.
        if given.second_factor.is_some_and(|needed| needed != 0) || given.ticket.starts_with("PVE:!tfa!") {
            let message = format!("{username} has a second factor, which only a person can give");
            return fail(AuthReason::SecondFactor, message);
        }
        let csrf = given.csrf.ok_or_else(unusable)?;
        let issued = issued(&given.ticket).or_else(|| date(&answer.headers)).or_else(|| self.clock.now());
        let (ticket, csrf) = (Secret::new(given.ticket), Secret::new(csrf));
        Ok(Session { ticket, csrf, issued: issued.unwrap_or_default() })
    }
}

/// A ticket that PVE has given out.
pub struct Session {
    /// The ticket itself, good for two hours.
    pub ticket: Secret,
    /// What goes beside it in requests that write.
    pub csrf: Secret,
    /// When it was given out; Unix seconds by PVE's clock.
    pub issued: i64,
}

/// Text that is no header's value.
fn unusable() -> Error {
    Error::Protocol { request: "POST /access/ticket".to_owned(), message: "the ticket is unusable".to_owned() }
}

/// The same of root@pam where nobody else will do.
fn roots_own(error: Error, request: &Request) -> Error {
    match error {
        Error::Unauthenticated(AuthError { reason: AuthReason::SecondFactor, message }) => {
            let message = format!("{message}, and PVE takes nothing but its login for {}", request.describe());
            Error::Unauthenticated(AuthError { reason: AuthReason::SecondFactorOfRoot, message })
        }
        error => error,
    }
}

fn keep(state: &mut State, ticket: Ticket) -> Credential {
    let ticket = Arc::new(ticket);
    state.made = ticket.number;
    state.refused = None;
    state.ticket = Some(ticket.clone());
    Credential::Ticket(ticket)
}

#[derive(Deserialize)]
struct Given {
    ticket: String,
    #[serde(rename = "CSRFPreventionToken")]
    csrf: Option<String>,
    #[serde(rename = "NeedTFA")]
    second_factor: Option<u8>,
}

/// `PVE:USER@REALM:HEXTIME::SIGNATURE`.
fn issued(ticket: &str) -> Option<i64> {
    let head = ticket.split("::").next()?;
    i64::from_str_radix(head.rsplit(':').next()?, 16).ok()
}

fn date(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?.as_second())
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `USER@REALM!ID=SECRET`, with or without the header's prefix.
fn token_text(token: &Secret) -> &str {
    let text = token.expose().trim();
    text.strip_prefix("PVEAPIToken=").unwrap_or(text)
}

/// What of a token is no secret.
fn token_id(token: &Secret) -> Option<String> {
    token_text(token).split_once('=').map(|(id, _)| id.to_owned())
}

fn token_header(token: &Secret) -> Result<HeaderValue, Error> {
    /// PVE decodes the header's value.
    const TOKEN: &AsciiSet = &CONTROLS.add(b'%').add(b' ');
    let text = token_text(token);
    let shaped = text.rsplit_once('=').is_some_and(|(name, secret)| {
        let user = name.split_once('!').map(|(user, id)| (user, !id.is_empty()));
        !secret.is_empty() && user.is_some_and(|(user, named)| named && user.contains('@'))
    });
    let header = secret_header(&format!("PVEAPIToken={}", utf8_percent_encode(text, TOKEN)));
    match header {
        Some(header) if shaped => Ok(header),
        // The text itself is secret.
        _ => Err(Error::Config("the API token does not look like USER@REALM!ID=SECRET".to_owned())),
    }
}

/// The server's clock, from the `Date` of its last answer.
#[derive(Default)]
struct Clock(StdMutex<Option<(i64, Instant)>>);

impl Clock {
    fn set(&self, date: i64) {
        *self.0.lock().unwrap_or_else(|broken| broken.into_inner()) = Some((date, Instant::now()));
    }

    fn now(&self) -> Option<i64> {
        let (date, at) = (*self.0.lock().unwrap_or_else(|broken| broken.into_inner()))?;
        Some(date + i64::try_from(at.elapsed().as_secs()).unwrap_or(i64::MAX / 2))
    }
}

#[cfg(test)]
mod tests;
