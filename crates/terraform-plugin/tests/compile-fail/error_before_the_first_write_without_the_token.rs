//! Before the first write an error goes through the token, which proves that nothing was sent.

use terraform_plugin::{Created, Error, Failed, Unwritten};

async fn ask() -> Result<(), Error> {
    Ok(())
}

async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
    ask().await?;
    let (_answer, written) = unwritten.send(want, ask()).await?;
    Ok(written.made(want))
}

fn main() {
    let _ = create;
}
