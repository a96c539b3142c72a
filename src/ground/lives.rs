//! What makes an object a resource whose life is told elsewhere: for plain objects in the kit, for Ceph's daemons beside them.

/// Makes an object a resource. Each call is answered by the function of that name in a module; with a name in the plural, it
/// can be listed as well.
macro_rules! lived {
    ($object:ty, by $($module:ident)::+, plain = $plain:literal, plural = $plural:literal) => {
        crate::ground::lives::lived!($object, by $($module)::+, plain = $plain);

        impl terraform_plugin::Listed<crate::ground::pve::Pve> for $object {
            const PLURAL: &'static str = $plural;

            async fn list(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
            ) -> Result<Vec<Self>, terraform_plugin::Error> {
                $($module)::+::list(cx).await
            }
        }
    };
    ($object:ty, by $($module:ident)::+, plain = $plain:literal) => {
        impl terraform_plugin::Resource<crate::ground::pve::Pve> for $object {
            const PLAIN: bool = $plain;

            fn needs() -> Vec<terraform_plugin::Need> {
                $($module)::+::needs::<Self>()
            }

            fn left_out() -> &'static [(&'static str, &'static str)] {
                $($module)::+::left_out::<Self>()
            }

            fn validate(config: &<Self as terraform_plugin::Object>::Plan, say: &mut terraform_plugin::Say<Self>) {
                $($module)::+::validate(config, say);
            }

            async fn plan(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                change: &mut terraform_plugin::Change<Self>,
                say: &mut terraform_plugin::Say<Self>,
            ) {
                $($module)::+::plan(cx, change, say).await;
            }

            async fn possible(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &<Self as terraform_plugin::Object>::Plan,
                prior: Option<&Self>,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                $($module)::+::possible(cx, want, prior, found).await
            }

            async fn removable(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                $($module)::+::removable(cx, was, found).await
            }

            async fn create(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &Self,
                unwritten: terraform_plugin::Unwritten<Self>,
            ) -> Result<terraform_plugin::Created<Self>, terraform_plugin::Failed> {
                $($module)::+::create(cx, want, unwritten).await
            }

            async fn read(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                key: &Self::Key,
                prior: Option<&Self>,
            ) -> Result<terraform_plugin::Read<Self>, terraform_plugin::Error> {
                $($module)::+::read(cx, key, prior).await
            }

            async fn update(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                prior: &Self,
                want: &Self,
            ) -> Result<terraform_plugin::Updated<Self>, terraform_plugin::Error> {
                $($module)::+::update(cx, prior, want).await
            }

            async fn delete(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
            ) -> Result<terraform_plugin::Deleted<Self>, terraform_plugin::Error> {
                $($module)::+::delete(cx, was).await
            }
        }
    };
}
pub(crate) use lived;
