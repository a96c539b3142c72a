//! An error after the first write would taint or orphan the object.

use terraform_plugin::{Created, Error, Failed, Unwritten};

async fn ask() -> Result<(), Error> {
    Ok(())
}

async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
    let (_answer, written) = unwritten.send(want, ask()).await?;
    ask().await?;
    Ok(written.made(want))
}

fn main() {
    let _ = create;
}
