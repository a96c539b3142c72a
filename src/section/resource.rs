//! What makes an object that has its life from the kit a resource.

/// Makes a [`Section`](super::Section) a resource. It is plain unless something else is said.
macro_rules! lives {
    ($object:ty) => {
        crate::section::lives!($object, plain = true);
    };
    ($object:ty, plain = $plain:literal) => {
        crate::ground::lives::lived!($object, by crate::section::life, plain = $plain);
    };
}
pub(crate) use lives;

/// Makes a plain object a resource that is found by the list of its family; with a name in the plural, there is a data source of
/// all as well.
macro_rules! plain {
    ($section:ty, $plural:literal) => {
        crate::ground::lives::lived!($section, by crate::section::life, plain = true, plural = $plural);
    };
    ($section:ty) => {
        crate::section::lives!($section);
        crate::section::sought!($section);
    };
}
pub(crate) use plain;
