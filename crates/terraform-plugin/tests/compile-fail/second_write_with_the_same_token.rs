//! One token, one first write.

use terraform_plugin::{Created, Error, Failed, Unwritten};

async fn ask() -> Result<(), Error> {
    Ok(())
}

async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
    let (_first, _written) = unwritten.send(want, ask()).await?;
    let (_second, written) = unwritten.send(want, ask()).await?;
    Ok(written.made(want))
}

fn main() {
    let _ = create;
}
