// The provider of the README's example, over the wire types alone: what is configured is what there is.

/// Two types of objects, which keep what they are told.
struct Echo;

fn text(name: &str) -> tfplugin6::schema::Attribute {
    let r#type = r#""string""#.into();
    tfplugin6::schema::Attribute { name: name.to_owned(), r#type, required: true, ..Default::default() }
}

fn schema(attributes: &[&str]) -> tfplugin6::Schema {
    let attributes = attributes.iter().map(|name| text(name)).collect();
    tfplugin6::Schema { block: Some(tfplugin6::schema::Block { attributes, ..Default::default() }), version: 0 }
}

/// The calls that Terraform makes of every provider, each with the fields of its answer.
macro_rules! answers {
    ($($rpc:ident($asked:ident) { $($field:ident: $value:expr),* })*) => {
        #[tonic::async_trait]
        impl tfplugin6::provider_server::Provider for Echo {
            $(async fn $rpc(
                &self,
                request: tonic::Request<tfplugin6::$rpc::Request>,
            ) -> Result<tonic::Response<tfplugin6::$rpc::Response>, tonic::Status> {
                let $asked = request.into_inner();
                let answer = tfplugin6::$rpc::Response { $($field: $value,)* ..Default::default() };
                Ok(tonic::Response::new(answer))
            })*
        }
    };
}

answers! {
    get_provider_schema(_asked) {
        provider: Some(schema(&["endpoint"])),
        resource_schemas: [("cloud_disk", schema(&["name"])), ("cloud_machine", schema(&["name", "disk"]))]
            .map(|(name, schema)| (name.to_owned(), schema)).into()
    }
    validate_provider_config(_asked) {}
    configure_provider(_asked) {}
    validate_resource_config(_asked) {}
    upgrade_resource_state(asked) {
        upgraded_state: asked.raw_state.map(|raw| tfplugin6::DynamicValue { json: raw.json, ..Default::default() })
    }
    read_resource(asked) { new_state: asked.current_state }
    plan_resource_change(asked) { planned_state: asked.proposed_new_state }
    apply_resource_change(asked) { new_state: asked.planned_state }
}
