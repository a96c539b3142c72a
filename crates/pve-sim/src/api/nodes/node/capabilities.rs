//! `/nodes/{node}/capabilities`: the processors that guests can have.

use serde_json::Value;

use crate::cluster::guests::cpu;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/capabilities/qemu/cpu", processors);
}

fn processors(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(cpu::list())
}
