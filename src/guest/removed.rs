//! What becomes of a disk or a mount point that is taken out of a guest.

use terraform_plugin::Choice;

/// What becomes of the volume of what is taken out.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenRemoved {
    /// It stays with the guest.
    #[default]
    Keep,
    /// It is gone.
    Destroy,
}
