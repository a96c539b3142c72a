//! What a provider offers: one line of registration an object.

mod action;
mod data;
mod ephemeral;
mod function;
mod list;
mod object;
mod resource;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Action;
use crate::data_source::DataSource;
use crate::ephemeral::Ephemeral;
use crate::function::Function;
use crate::listing::Queried;
use crate::look::{Listed, Look, Many};
use crate::resource::Resource;
pub(crate) use action::AnyAction;
pub(crate) use data::AnyDataSource;
pub(crate) use ephemeral::AnyEphemeral;
pub(crate) use function::AnyFunction;
pub(crate) use list::{AnyList, AnySeen};
pub(crate) use object::{Attributes, ObjectInfo};
pub(crate) use resource::{AnyResource, CreateEnd, Hook, panicked};

/// All objects of a provider whose API is `A`.
pub struct Registry<A> {
    pub(crate) resources: BTreeMap<&'static str, Arc<dyn AnyResource<A>>>,
    pub(crate) data_sources: BTreeMap<&'static str, Arc<dyn AnyDataSource<A>>>,
    pub(crate) functions: BTreeMap<&'static str, AnyFunction>,
    pub(crate) actions: BTreeMap<&'static str, Arc<dyn AnyAction<A>>>,
    pub(crate) ephemeral: BTreeMap<&'static str, Arc<dyn AnyEphemeral<A>>>,
    /// Of resources, by their names.
    pub(crate) lists: BTreeMap<&'static str, Arc<dyn AnyList<A>>>,
}

impl<A: Send + Sync + 'static> Default for Registry<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Send + Sync + 'static> Registry<A> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            functions: BTreeMap::new(),
            actions: BTreeMap::new(),
            ephemeral: BTreeMap::new(),
            lists: BTreeMap::new(),
        }
    }

    /// A resource.
    #[must_use]
    pub fn resource<R: Resource<A>>(mut self) -> Self {
        let known = self.resources.insert(R::NAME, Arc::new(resource::Registered::<R>::new::<A>()));
        debug_assert!(known.is_none(), "resource {} is registered twice", R::NAME);
        self
    }

    /// A resource, and the data source that finds one by its key.
    #[must_use]
    pub fn object<R: Resource<A> + std::fmt::Debug>(self) -> Self {
        self.resource::<R>().data::<Look<R>>()
    }

    /// A resource, the data sources that find one by its key and tell all that there are, and the list resource.
    #[must_use]
    pub fn listed<R: Listed<A> + std::fmt::Debug>(self) -> Self {
        self.object::<R>().data::<Many<A, R>>().query::<R>()
    }

    /// The list resource of a resource, which is registered beside it.
    #[must_use]
    pub fn query<R: Queried<A>>(mut self) -> Self {
        let known = self.lists.insert(R::NAME, Arc::new(list::Registered::<R>::new()));
        debug_assert!(known.is_none(), "list resource {} is registered twice", R::NAME);
        self
    }

    /// A data source.
    #[must_use]
    pub fn data<D: DataSource<A>>(mut self) -> Self {
        let known = self.data_sources.insert(D::NAME, Arc::new(data::Registered::<D>::new::<A>()));
        debug_assert!(known.is_none(), "data source {} is registered twice", D::NAME);
        self
    }

    /// A function.
    #[must_use]
    pub fn function<F: Function>(mut self) -> Self {
        let known = self.functions.insert(F::NAME, AnyFunction::of::<F>());
        debug_assert!(known.is_none(), "function {} is registered twice", F::NAME);
        self
    }

    /// An action.
    #[must_use]
    pub fn action<X: Action<A>>(mut self) -> Self {
        let known = self.actions.insert(X::NAME, Arc::new(action::Registered::<X>::new::<A>()));
        debug_assert!(known.is_none(), "action {} is registered twice", X::NAME);
        self
    }

    /// An ephemeral resource.
    #[must_use]
    pub fn ephemeral<E: Ephemeral<A>>(mut self) -> Self {
        let known = self.ephemeral.insert(E::NAME, Arc::new(ephemeral::Registered::<E>::new::<A>()));
        debug_assert!(known.is_none(), "ephemeral resource {} is registered twice", E::NAME);
        self
    }
}

impl<A> std::fmt::Debug for Registry<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("resources", &self.resources.keys())
            .field("data_sources", &self.data_sources.keys())
            .field("functions", &self.functions.keys())
            .field("actions", &self.actions.keys())
            .field("ephemeral", &self.ephemeral.keys())
            .field("lists", &self.lists.keys())
            .finish()
    }
}
