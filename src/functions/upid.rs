//! `upid`: the name of a task, taken apart.

use pve_client::Upid;
use terraform_plugin::{Function, FunctionError, Nested};

/// Takes the name of a task (UPID) apart, as PVE writes it into logs and answers.
///
/// It says nothing of whether there is, or ever was, such a task.
#[derive(Nested, Clone)]
pub struct UpidParts {
    /// The task's name: `UPID:pve1:0000291F:00070B18:6B032D7F:qmstart:100:root@pam:`.
    #[attr(required)]
    pub text: String,
}

/// The parts.
#[derive(Nested, Clone, Debug, PartialEq)]
pub struct Parts {
    /// The node where the task ran.
    #[attr(computed)]
    pub node: String,
    /// Process id on the node.
    #[attr(computed)]
    pub pid: u32,
    /// When it began, by the node's clock, in seconds since 1970.
    #[attr(computed)]
    pub start_time: i64,
    /// The same as a timestamp in UTC, such as Terraform's `timecmp` takes.
    #[attr(computed)]
    pub started: Option<String>,
    /// The kind of task: `qmstart`, `vzdump`, `cephcreateosd`, ...
    #[attr(computed)]
    pub r#type: String,
    /// What it works on: the number of a guest, the name of a pool or disk. Null if nothing is named.
    #[attr(computed)]
    pub id: Option<String>,
    /// Who began it: `USER@REALM`.
    #[attr(computed)]
    pub user: String,
    /// The name of the token with which it was begun. Null without one.
    #[attr(computed)]
    pub token: Option<String>,
}

impl Function for UpidParts {
    const NAME: &'static str = "upid";
    type Returns = Parts;

    fn call(self) -> Result<Parts, FunctionError> {
        let upid: Upid = self.text.parse().map_err(|error| {
            let form = "UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:";
            FunctionError::new(format!("{error}. It would read {form}, with the colon at its end.")).at("text")
        })?;
        let (user, token) = match upid.user().split_once('!') {
            Some((user, token)) => (user, Some(token.to_owned())),
            None => (upid.user(), None),
        };
        let started = jiff::Timestamp::from_second(upid.start()).ok();
        Ok(Parts {
            node: upid.node().to_owned(),
            pid: upid.pid(),
            start_time: upid.start(),
            started: started.map(|time| time.to_string()),
            r#type: upid.kind().to_owned(),
            id: Some(upid.id().to_owned()).filter(|id| !id.is_empty()),
            user: user.to_owned(),
            token,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<Parts, FunctionError> {
        UpidParts { text: text.to_owned() }.call()
    }

    #[test]
    fn every_part_is_told() {
        let task = parts("UPID:pve1:0000291F:00070B18:6B032D7F:qmdestroy:200:root@pam:").unwrap();
        assert_eq!((task.node.as_str(), task.pid, task.r#type.as_str()), ("pve1", 10527, "qmdestroy"));
        assert_eq!((task.start_time, task.started.as_deref()), (1_795_370_367, Some("2026-11-22T17:59:27Z")));
        assert_eq!((task.id.as_deref(), task.user.as_str(), task.token), (Some("200"), "root@pam", None));
        let flags = parts("UPID:a:1:1:1:cephsetflags::u@pve!t:").unwrap();
        assert_eq!((flags.id, flags.user.as_str(), flags.token.as_deref()), (None, "u@pve", Some("t")));
    }

    #[test]
    fn anything_else_is_an_error_about_the_argument() {
        for text in ["", "qmstart", "UPID:a:1:1:1:t:i:u"] {
            let error = parts(text).unwrap_err();
            assert_eq!(error.path().to_string(), "text");
            assert!(error.text().contains("is not a UPID"), "{error}");
        }
    }
}
