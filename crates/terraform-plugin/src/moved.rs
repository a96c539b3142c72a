//! What `moved` blocks hand over from other types, those of other providers among them.

use crate::resource::Stored;

/// How objects of another type become objects of one of this provider's.
///
/// Terraform asks a process that is not configured: nobody can be asked what exists. So no more is taken from the other
/// state than which object it is, and what nobody but that state knows; the read that follows fills in the rest, as after
/// an import.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// Whose types these are: namespace and name in the registry, such as `bpg/proxmox`.
    pub provider: &'static str,
    /// Their names, with their prefix: all those that are one type with several names.
    pub from: &'static [&'static str],
    /// The type here, without this provider's prefix.
    pub to: &'static str,
    /// Attributes of the type here: those of its key, and what only the other state knows. Left out is what the other state
    /// does not tell.
    pub becomes: fn(&Stored) -> Stored,
}

impl Move {
    /// Whether it is about a type at an address such as `registry.terraform.io/bpg/proxmox`. The host is left open: mirrors and
    /// OpenTofu's registry have others.
    pub(crate) fn is_of(&self, address: &str, ty: &str) -> bool {
        let mut parts = address.rsplit('/');
        let (name, namespace) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.from.contains(&ty) && self.provider.eq_ignore_ascii_case(&format!("{namespace}/{name}"))
    }
}
