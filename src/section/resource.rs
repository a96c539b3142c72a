//! What makes an object that has its life from the kit a resource.

/// Makes a [`Section`](super::Section) a resource. It is plain unless something else is said.
macro_rules! lives {
    ($object:ty) => {
        crate::section::lives!($object, plain = true);
    };
    ($object:ty, plain = $plain:literal) => {
        impl terraform_plugin::Resource<crate::ground::pve::Pve> for $object {
            const PLAIN: bool = $plain;

            fn needs() -> Vec<terraform_plugin::Need> {
                <Self as crate::section::Section>::needs()
            }

            fn left_out() -> &'static [(&'static str, &'static str)] {
                <Self as crate::section::Section>::LEFT_OUT
            }

            fn validate(config: &<Self as terraform_plugin::Object>::Plan, say: &mut terraform_plugin::Say<Self>) {
                <Self as crate::section::Section>::validate(config, say);
            }

            async fn plan(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                change: &mut terraform_plugin::Change<Self>,
                say: &mut terraform_plugin::Say<Self>,
            ) {
                crate::section::life::plan(cx, change, say).await;
            }

            async fn possible(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &<Self as terraform_plugin::Object>::Plan,
                prior: Option<&Self>,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                crate::section::life::possible(cx, want, prior, found).await
            }

            async fn removable(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                crate::section::life::removable(cx, was, found).await
            }

            async fn create(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &Self,
                unwritten: terraform_plugin::Unwritten<Self>,
            ) -> Result<terraform_plugin::Created<Self>, terraform_plugin::Failed> {
                crate::section::life::create(cx, want, unwritten).await
            }

            async fn read(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                key: &Self::Key,
                prior: Option<&Self>,
            ) -> Result<terraform_plugin::Read<Self>, terraform_plugin::Error> {
                crate::section::life::read(cx, key, prior).await
            }

            async fn update(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                prior: &Self,
                want: &Self,
            ) -> Result<terraform_plugin::Updated<Self>, terraform_plugin::Error> {
                crate::section::life::update(cx, prior, want).await
            }

            async fn delete(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
            ) -> Result<terraform_plugin::Deleted<Self>, terraform_plugin::Error> {
                crate::section::life::delete(cx, was).await
            }
        }
    };
}
pub(crate) use lives;

/// Makes a plain object a resource; with a name in the plural, one that can be listed.
macro_rules! plain {
    ($section:ty, $plural:literal) => {
        crate::section::plain!($section);

        impl terraform_plugin::Listed<crate::ground::pve::Pve> for $section {
            const PLURAL: &'static str = $plural;

            async fn list(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
            ) -> Result<Vec<Self>, terraform_plugin::Error> {
                crate::section::list(cx).await
            }
        }
    };
    ($section:ty) => {
        crate::section::lives!($section);
    };
}
pub(crate) use plain;
