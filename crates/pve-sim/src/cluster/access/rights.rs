//! Which privileges somebody has on a path.

use std::collections::{BTreeMap, BTreeSet};

use super::{Access, ROOT, Subject, roles};

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User id with realm.
    pub userid: String,
    /// Id of the API token, if it was one.
    pub token: Option<String>,
}

impl Identity {
    /// The user behind a ticket.
    pub fn user(userid: &str) -> Self {
        Identity { userid: userid.to_owned(), token: None }
    }

    /// As UPIDs and access control name them: `a@pve`, `a@pve!t`.
    pub fn full(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.userid),
            None => self.userid.clone(),
        }
    }

    /// Whether this is `root@pam` by ticket; a token never is.
    pub fn is_root(&self) -> bool {
        self.userid == ROOT && self.token.is_none()
    }

    /// Whether something that belongs to `owner` (`a@pve`, `a@pve!t`) is this one's: a user owns what its tokens own.
    pub fn owns(&self, owner: &str) -> bool {
        match &self.token {
            Some(_) => self.full() == owner,
            None => owner == self.userid || owner.split_once('!').is_some_and(|(user, _)| user == self.userid),
        }
    }
}

/// Privileges, each with whether it counts below the path as well.
pub type Rights = BTreeMap<String, bool>;

impl Access {
    /// The privileges on a path. `pool` is the resource pool that the object of the path belongs to, if any.
    pub fn rights(&self, who: &Identity, path: &str, pool: Option<&str>) -> Rights {
        let Some(tokenid) = &who.token else { return self.user_rights(&who.userid, path, pool) };
        let privsep = self.users.get(&who.userid).and_then(|u| u.tokens.get(tokenid)).is_none_or(|t| t.privsep);
        let of_user = self.user_rights(&who.userid, path, pool);
        if !privsep {
            return of_user;
        }
        let own = |subject: &Subject| *subject == Subject::Token(who.full());
        let of_token = self.entries_on(path, pool, own, |_| false);
        // The smaller reach of the two counts.
        let both = of_token.into_iter().filter_map(|(privilege, reach)| {
            let user_reach = of_user.get(&privilege)?;
            Some((privilege, reach && *user_reach))
        });
        both.collect()
    }

    /// Whether all of `privileges` are there.
    pub fn has(&self, who: &Identity, path: &str, pool: Option<&str>, privileges: &[&str]) -> bool {
        let rights = self.rights(who, path, pool);
        privileges.iter().all(|privilege| rights.contains_key(*privilege))
    }

    fn user_rights(&self, userid: &str, path: &str, pool: Option<&str>) -> Rights {
        if userid == ROOT {
            return roles::PRIVILEGES.iter().map(|privilege| ((*privilege).to_owned(), true)).collect();
        }
        let groups: BTreeSet<String> = self.groups_of(userid).into_iter().collect();
        let direct = |subject: &Subject| matches!(subject, Subject::User(id) if id == userid);
        let by_group = |subject: &Subject| matches!(subject, Subject::Group(id) if groups.contains(id));
        self.entries_on(path, pool, direct, by_group)
    }

    fn entries_on(
        &self,
        path: &str,
        pool: Option<&str>,
        direct: impl Fn(&Subject) -> bool,
        by_group: impl Fn(&Subject) -> bool,
    ) -> Rights {
        let mut rights = self.privileges_of(self.roles_on(path, &direct, &by_group));
        if let Some(pool) = pool {
            // What counts on the pool counts on its members, unless they are closed by NoAccess of their own.
            for (privilege, reach) in self.privileges_of(self.roles_on(&format!("/pool/{pool}"), &direct, &by_group)) {
                rights.entry(privilege).or_insert(reach);
            }
        }
        rights
    }

    fn privileges_of(&self, roles: BTreeMap<String, bool>) -> Rights {
        let mut rights = Rights::new();
        if roles.contains_key("NoAccess") {
            return rights;
        }
        for (role, reach) in roles {
            for privilege in self.role(&role).into_iter().flatten() {
                *rights.entry(privilege).or_insert(false) |= reach;
            }
        }
        rights
    }

    /// The roles on a path: from `/` down, each level that has entries replaces what came from above, and an entry of
    /// the user's own replaces those of its groups on the same level.
    fn roles_on(
        &self,
        path: &str,
        direct: &impl Fn(&Subject) -> bool,
        by_group: &impl Fn(&Subject) -> bool,
    ) -> BTreeMap<String, bool> {
        let mut roles = BTreeMap::new();
        for level in levels(path) {
            let last = level == path;
            let at = |wanted: &dyn Fn(&Subject) -> bool| -> BTreeMap<String, bool> {
                let here = self.acl.iter().filter(|((entry_path, subject, _), reach)| {
                    entry_path == level && wanted(subject) && (last || **reach)
                });
                here.map(|((_, _, role), reach)| (role.clone(), *reach)).collect()
            };
            let own = at(direct);
            let here = if own.is_empty() { at(by_group) } else { own };
            if !here.is_empty() {
                roles = here;
            }
        }
        roles
    }

    /// Every path that access control names, with the paths PVE always lists.
    pub fn known_paths(&self) -> BTreeSet<String> {
        let fixed = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
        fixed.into_iter().map(str::to_owned).chain(self.acl.keys().map(|(path, _, _)| path.clone())).collect()
    }
}

/// `/`, `/vms`, `/vms/100` of `/vms/100`.
fn levels(path: &str) -> Vec<&str> {
    let mut levels = vec!["/"];
    levels.extend(path.match_indices('/').skip(1).map(|(at, _)| &path[..at]));
    if path != "/" {
        levels.push(path);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::access::{Group, Token, User};
    use crate::kernel::ids::Ids;
    use crate::shape::Shape;

    fn access() -> Access {
        let mut access = Access::new(&Shape::default(), &mut Ids::new(1));
        let mut user = User { enable: true, ..User::default() };
        for (id, privsep) in [("sep", true), ("full", false)] {
            let token = Token { privsep, expire: 0, comment: None, value: "v".into() };
            user.tokens.insert(id.into(), token);
        }
        access.users.insert("a@pve".into(), user);
        let group = Group { comment: None, members: BTreeSet::from(["a@pve".to_owned()]) };
        access.groups.insert("ops".into(), group);
        access
    }

    fn grant(access: &mut Access, path: &str, subject: Subject, role: &str, propagate: bool) {
        access.acl.insert((path.into(), subject, role.into()), propagate);
    }

    fn user() -> Subject {
        Subject::User("a@pve".into())
    }

    fn token(id: &str) -> Identity {
        Identity { userid: "a@pve".into(), token: Some(id.into()) }
    }

    #[test]
    fn deeper_levels_replace_and_users_beat_groups() {
        let mut access = access();
        let a = Identity::user("a@pve");
        grant(&mut access, "/", Subject::Group("ops".into()), "PVEAuditor", true);
        assert!(access.has(&a, "/vms/100", None, &["VM.Audit", "Datastore.Audit"]));
        grant(&mut access, "/vms", user(), "PVEVMUser", true);
        assert!(access.has(&a, "/vms/100", None, &["VM.PowerMgmt"]));
        assert!(!access.has(&a, "/vms/100", None, &["Datastore.Audit"]));
        grant(&mut access, "/vms", Subject::Group("ops".into()), "PVEAdmin", true);
        assert!(!access.has(&a, "/vms", None, &["VM.Allocate"]));
        grant(&mut access, "/vms/100", user(), "NoAccess", true);
        assert!(access.rights(&a, "/vms/100", None).is_empty());
    }

    #[test]
    fn an_entry_that_does_not_propagate_counts_on_its_path_alone() {
        let mut access = access();
        let a = Identity::user("a@pve");
        grant(&mut access, "/vms", user(), "PVEVMUser", false);
        assert!(access.has(&a, "/vms", None, &["VM.Audit"]));
        assert!(!access.has(&a, "/vms/100", None, &["VM.Audit"]));
    }

    #[test]
    fn a_separated_token_has_what_both_have() {
        let mut access = access();
        grant(&mut access, "/vms", user(), "PVEVMUser", true);
        assert!(access.rights(&token("sep"), "/vms", None).is_empty());
        assert!(access.has(&token("full"), "/vms", None, &["VM.PowerMgmt"]));
        grant(&mut access, "/vms", Subject::Token("a@pve!sep".into()), "PVEVMAdmin", true);
        assert!(access.has(&token("sep"), "/vms", None, &["VM.PowerMgmt"]));
        assert!(!access.has(&token("sep"), "/vms", None, &["VM.Allocate"]));
    }

    #[test]
    fn a_pool_lends_its_members_its_rights() {
        let mut access = access();
        let a = Identity::user("a@pve");
        grant(&mut access, "/pool/p", user(), "PVEVMUser", true);
        assert!(!access.has(&a, "/vms/100", None, &["VM.Audit"]));
        assert!(access.has(&a, "/vms/100", Some("p"), &["VM.Audit"]));
    }

    #[test]
    fn a_token_of_root_is_not_root() {
        let root = Identity { userid: ROOT.into(), token: Some("t".into()) };
        assert!(Identity::user(ROOT).is_root() && !root.is_root());
        assert!(Identity::user("a@pve").owns("a@pve!sep") && !token("sep").owns("a@pve!full"));
        assert!(!token("sep").owns("a@pve"));
    }
}
