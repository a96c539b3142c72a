//! Who may do what: users, tokens, groups, roles, access control entries (`user.cfg`), realms and tickets.

mod rights;
pub mod roles;
pub mod tickets;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use rights::{Identity, Rights};

use crate::kernel::clock::Time;
use crate::kernel::ids::Ids;
use crate::shape::{AclShape, Shape};

/// The account that everything is allowed to.
pub const ROOT: &str = "root@pam";

/// A user.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// Whether the account is enabled.
    pub enable: bool,
    /// Unix seconds when the account ends; 0 is never; `None` if the user was never written to `user.cfg`.
    pub expire: Option<u64>,
    /// `firstname`, `lastname`, `email`, `comment`, `keys`, where set.
    pub texts: BTreeMap<&'static str, String>,
    /// API tokens by id.
    pub tokens: BTreeMap<String, Token>,
}

/// An API token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Whether only the token's own entries count (together with the user's).
    pub privsep: bool,
    /// Unix seconds when it ends; 0 is never.
    pub expire: u64,
    /// Comment.
    pub comment: Option<String>,
    /// The secret.
    pub value: String,
}

/// A group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Comment.
    pub comment: Option<String>,
    /// User ids.
    pub members: BTreeSet<String>,
}

/// To whom an access control entry applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A user id.
    User(String),
    /// A group id.
    Group(String),
    /// A full token id, `a@pve!t`.
    Token(String),
}

/// Users, groups, roles and who has which role where.
#[derive(Debug)]
pub struct Access {
    /// Users by id; `root@pam` is always among them.
    pub users: BTreeMap<String, User>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Roles that PVE does not come with.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// Path, subject and role, with whether it counts below the path.
    pub acl: BTreeMap<(String, Subject, String), bool>,
    /// Realms that users can belong to.
    pub realms: BTreeMap<String, BTreeMap<String, Value>>,
    passwords: BTreeMap<String, String>,
    keys: tickets::Keys,
}

impl Access {
    pub(super) fn new(shape: &Shape, ids: &mut Ids) -> Self {
        let realm = |kind: &str, comment: &str| {
            BTreeMap::from([("type".to_owned(), json!(kind)), ("comment".to_owned(), json!(comment))])
        };
        let mut access = Access {
            users: BTreeMap::from([(ROOT.to_owned(), User { enable: true, expire: Some(0), ..User::default() })]),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            acl: BTreeMap::new(),
            realms: BTreeMap::from([
                ("pam".to_owned(), realm("pam", "Linux PAM standard authentication")),
                ("pve".to_owned(), realm("pve", "Proxmox VE authentication server")),
            ]),
            passwords: BTreeMap::new(),
            keys: tickets::Keys::new(ids),
        };
        for user in &shape.users {
            let entry = access.users.entry(user.userid.clone()).or_default();
            entry.enable = user.enable;
            entry.expire = Some(user.expire);
            for token in &user.tokens {
                let value = token.value.clone().unwrap_or_else(|| ids.uuid());
                let made = Token { privsep: token.privsep, expire: token.expire, comment: None, value };
                entry.tokens.insert(token.id.clone(), made);
            }
            access.add_entries(&Subject::User(user.userid.clone()), &user.acl);
            for token in &user.tokens {
                access.add_entries(&Subject::Token(format!("{}!{}", user.userid, token.id)), &token.acl);
            }
            if let Some(password) = &user.password {
                access.set_password(&user.userid, password);
            }
        }
        access
    }

    fn add_entries(&mut self, subject: &Subject, entries: &[AclShape]) {
        for entry in entries {
            self.acl.insert((entry.path.clone(), subject.clone(), entry.role.clone()), entry.propagate);
        }
    }

    /// Whether the account exists, is enabled and has not ended.
    pub fn user_usable(&self, userid: &str, now: Time) -> bool {
        let expired = |user: &User| user.expire.is_some_and(|end| end != 0 && end < now.unix());
        self.users.get(userid).is_some_and(|user| user.enable && !expired(user))
    }

    /// Gives a user a password.
    pub fn set_password(&mut self, userid: &str, password: &str) {
        self.passwords.insert(userid.to_owned(), password.to_owned());
    }

    /// Whether this is the user's password.
    pub fn password_is(&self, userid: &str, password: &str) -> bool {
        self.passwords.get(userid).is_some_and(|known| known == password)
    }

    /// The token's owner and id, if the secret is right and token and owner are usable.
    pub fn check_token(&self, full_id: &str, secret: &str, now: Time) -> Option<Identity> {
        let (userid, tokenid) = full_id.split_once('!')?;
        let token = self.users.get(userid)?.tokens.get(tokenid)?;
        let alive = token.expire == 0 || token.expire >= now.unix();
        (alive && token.value == secret && self.user_usable(userid, now))
            .then(|| Identity { userid: userid.to_owned(), token: Some(tokenid.to_owned()) })
    }

    /// The privileges of a role.
    pub fn role(&self, role: &str) -> Option<BTreeSet<String>> {
        roles::builtin(role).or_else(|| self.roles.get(role).cloned())
    }

    /// The groups a user belongs to.
    pub fn groups_of(&self, userid: &str) -> Vec<String> {
        let of_user = self.groups.iter().filter(|(_, group)| group.members.contains(userid));
        of_user.map(|(id, _)| id.clone()).collect()
    }

    /// What every write of `user.cfg` does besides: each account's line has an end of its own from then on.
    pub fn write(&mut self) {
        for user in self.users.values_mut() {
            user.expire.get_or_insert(0);
        }
    }

    /// Makes a user a member of groups that exist.
    pub fn join_groups(&mut self, userid: &str, groups: &[String]) {
        for (_, group) in self.groups.iter_mut().filter(|(id, _)| groups.contains(id)) {
            group.members.insert(userid.to_owned());
        }
    }

    /// Takes a user out of every group.
    pub fn leave_groups(&mut self, userid: &str) {
        for group in self.groups.values_mut() {
            group.members.remove(userid);
        }
    }

    /// Removes a user with tokens, memberships, password and entries. `root@pam` comes back as PVE's parser makes it.
    pub fn remove_user(&mut self, userid: &str) {
        self.users.remove(userid);
        self.acl.retain(|(_, subject, _), _| match subject {
            Subject::User(user) => user != userid,
            Subject::Token(token) => !token.starts_with(&format!("{userid}!")),
            Subject::Group(_) => true,
        });
        self.leave_groups(userid);
        if userid == ROOT {
            self.users.insert(ROOT.to_owned(), User { enable: true, ..User::default() });
        } else {
            self.passwords.remove(userid);
        }
    }

    pub(super) fn canonical(&self) -> Value {
        let user = |(id, user): (&String, &User)| {
            let tokens: Value =
                user.tokens.iter().map(|(id, t)| (id.clone(), json!({ "privsep": t.privsep }))).collect();
            let value = json!({ "enable": user.enable, "expire": user.expire, "texts": user.texts, "tokens": tokens,
                "groups": self.groups_of(id) });
            (id.clone(), value)
        };
        let entry = |((path, subject, role), propagate): (&(String, Subject, String), &bool)| {
            let (kind, id) = subject.parts();
            json!([path, kind, id, role, propagate])
        };
        json!({
            "users": self.users.iter().map(user).collect::<Value>(),
            "groups": self.groups.iter().map(|(id, g)| (id.clone(), json!(g.comment))).collect::<Value>(),
            "roles": self.roles,
            "acl": self.acl.iter().map(entry).collect::<Value>(),
            "realms": self.realms,
        })
    }
}

impl Subject {
    /// `user`, `group` or `token`, and the id.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Subject::User(id) => ("user", id),
            Subject::Group(id) => ("group", id),
            Subject::Token(id) => ("token", id),
        }
    }
}
