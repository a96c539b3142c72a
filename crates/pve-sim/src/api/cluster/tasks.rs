//! `/cluster/tasks`: what runs and what ended lately on all nodes.

use serde_json::{Value, json};

use crate::api::nodes::node::tasks::entry;
use crate::kernel::{Call, PveError, Routes};

/// How many finished tasks of each node are broadcast.
const FINISHED: usize = 25;

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/tasks", tasks);
}

fn tasks(call: &mut Call<'_>) -> Result<Value, PveError> {
    let sees_all = call.may("/", &["Sys.Audit"]);
    let mut list = Vec::new();
    for node in call.cluster.nodes.names() {
        let mut finished = 0;
        let of_node = call.cluster.tasks.iter().rev().filter(|task| task.upid.node == node);
        for task in of_node.filter(|task| sees_all || call.user.owns(&task.upid.user)) {
            let mut item = entry(task);
            // Of a process only the number is broadcast, and that while it runs.
            if let Some(item) = item.as_object_mut() {
                item.remove("pstart");
                if task.end.is_some() {
                    finished += 1;
                    item.remove("pid");
                    item.insert("saved".to_owned(), json!("1"));
                }
            }
            if finished <= FINISHED {
                list.push(item);
            }
        }
    }
    Ok(list.into())
}
