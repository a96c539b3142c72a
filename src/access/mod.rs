//! Who may do what, and what is grouped for that.

pub mod acl;
mod acl_path;
pub mod group;
pub mod pool;
pub mod pool_member;
pub mod realm;
pub mod role;
mod ticket;
pub mod token;
pub mod user;
mod way_in;

use pve_client::Area;
use terraform_plugin::Registry;

use crate::ground::pve::Pve;
use crate::section::{Family, Unset};

/// What lies in `user.cfg`.
const USER_CFG: Family = Family { file: "user.cfg", area: Area::Access, unset: Unset::EmptyText, ..Family::PLAIN };

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .object::<acl::Acl>()
        .query::<acl::Acl>()
        .listed::<group::Group>()
        .object::<pool::Pool>()
        .query::<pool::Pool>()
        .object::<pool_member::PoolMember>()
        .query::<pool_member::PoolMember>()
        .object::<realm::ad::RealmAd>()
        .query::<realm::ad::RealmAd>()
        .object::<realm::builtin::Realm>()
        .query::<realm::builtin::Realm>()
        .object::<realm::ldap::RealmLdap>()
        .query::<realm::ldap::RealmLdap>()
        .object::<realm::openid::RealmOpenid>()
        .query::<realm::openid::RealmOpenid>()
        .listed::<realm::sync_job::RealmSyncJob>()
        .listed::<role::Role>()
        .object::<token::Token>()
        .query::<token::Token>()
        .listed::<user::User>()
        .ephemeral::<ticket::Ticket>()
}
