//! Lies about what is kept: states that are upgraded, read, imported and moved.

use super::{Case, When, import, moved, read, schemas, upgrade};
use crate::tests::fake::{edit, identity, sent};
use crate::{Rule, Value};

pub(super) fn of_what_is_kept() -> Vec<Case> {
    vec![
        (
            Rule::UpgradeUnknown,
            When::Refresh,
            |fake| upgrade(fake, |answer| answer.upgraded_state = sent(&Value::UNKNOWN, "t_thing")),
            "Invalid resource state upgrade",
        ),
        (
            Rule::UpgradeNull,
            When::Refresh,
            |fake| upgrade(fake, |answer| answer.upgraded_state = None),
            "invalid result: it is null",
        ),
        (
            Rule::UpgradeWriteOnly,
            When::Refresh,
            |fake| {
                fake.upgrade_resource_state = Some(Box::new(|asked, answer| {
                    if asked.type_name == "t_thing" {
                        edit(&mut answer.upgraded_state, "t_thing", &[("secret", "s".into())]);
                    }
                    Ok(())
                }));
            },
            "returned a value for the write-only attribute \"t_thing.a.secret\"",
        ),
        (
            Rule::ReadUnknown,
            When::Refresh,
            |fake| read(fake, |answer| answer.new_state = sent(&Value::UNKNOWN, "t_thing")),
            "Provider produced invalid object: Provider \"registry.terraform.io/acme/t\" planned an invalid value for t_part.p during refresh",
        ),
        (
            Rule::ReadWriteOnly,
            When::Refresh,
            |fake| {
                fake.read_resource = Some(Box::new(|asked, answer| {
                    if asked.type_name == "t_thing" {
                        edit(&mut answer.new_state, "t_thing", &[("secret", "s".into())]);
                    }
                    Ok(())
                }));
            },
            "returned a value for the write-only attribute \"t_thing.a.secret\" during refresh",
        ),
        (
            Rule::IdentityUnknown,
            When::Refresh,
            |fake| {
                read(fake, |answer| {
                    answer.new_identity = answer.new_identity.as_ref().and_then(|_| identity(&Value::UNKNOWN))
                })
            },
            "Provider produced invalid identity: Provider \"registry.terraform.io/acme/t\" planned an identity with unknown values for t_thing.a during refresh",
        ),
        (Rule::ImportNothing, When::Import, |fake| import(fake, Vec::clear), "Import returned no resources"),
        (
            Rule::ImportSeveral,
            When::Import,
            |fake| import(fake, |all| all.push(all[0].clone())),
            "Multiple import states not supported",
        ),
        (
            Rule::ImportWithoutType,
            When::Import,
            |fake| import(fake, |all| all[0].type_name.clear()),
            "import of t_thing.a didn't set type",
        ),
        (
            Rule::ImportWithoutIdentity,
            When::ImportByIdentity,
            |fake| import(fake, |all| all[0].identity = None),
            "import of t_thing.a didn't return an identity",
        ),
        (
            Rule::ImportNull,
            When::Import,
            |fake| import(fake, |all| all[0].state = None),
            "Import returned null resource",
        ),
        (
            Rule::ImportUnknown,
            When::Import,
            |fake| import(fake, |all| edit(&mut all[0].state, "t_thing", &[("note", Value::UNKNOWN)])),
            "unknown values at .note",
        ),
        (
            Rule::ImportWriteOnly,
            When::Import,
            |fake| import(fake, |all| edit(&mut all[0].state, "t_thing", &[("secret", "s".into())])),
            "Import returned a non-null value for a write-only attribute",
        ),
        (
            Rule::ImportMissing,
            When::Import,
            |fake| read(fake, |answer| answer.new_state = None),
            "Cannot import non-existent remote object",
        ),
        (
            Rule::MoveNotOffered,
            When::Move,
            |fake| schemas(fake, |answer| answer.server_capabilities = None),
            "Unsupported `moved` across resource types",
        ),
        (
            Rule::MoveNull,
            When::Move,
            |fake| {
                fake.move_resource_state = Some(Box::new(|_, answer| {
                    answer.target_state = None;
                    Ok(())
                }));
            },
            "Provider returned invalid value",
        ),
        (Rule::MoveUnknown, When::Move, |fake| moved(fake, "note", Value::UNKNOWN), ".note is not known"),
        (
            Rule::MoveWriteOnly,
            When::Move,
            |fake| moved(fake, "secret", "s".into()),
            "write-only attribute \"t_thing.a.secret\" during an across type move operation",
        ),
        (
            Rule::DataNull,
            When::Data,
            |fake| {
                fake.read_data_source = Some(Box::new(|_, answer| {
                    answer.state = None;
                    Ok(())
                }));
            },
            "Provider produced null object",
        ),
        (
            Rule::DataUnknown,
            When::Data,
            |fake| {
                fake.read_data_source = Some(Box::new(|_, answer| {
                    edit(&mut answer.state, "t_facts", &[("id", Value::UNKNOWN)]);
                    Ok(())
                }));
            },
            "that is not wholly known",
        ),
    ]
}
