//! Settings of which a text of its own holds the word (`cpu = "host"`), and an object beside it the rest. A text may also hold
//! all of it, as PVE writes it (`host,flags=+aes`); then there is nothing beside it.

use pve_client::property_string::PropertyString;
use terraform_plugin::model::Object;

use crate::ground::texts::same_settings;
use crate::guest::parts;

/// Whether a text says more than the word.
pub fn is_whole(text: &str) -> bool {
    text.contains([',', '='])
}

/// The word in a text.
pub fn word(text: &str, name: &str) -> Option<String> {
    word_of(text.parse().ok()?, name)
}

fn word_of(mut string: PropertyString, name: &str) -> Option<String> {
    string.take_default().or_else(|| string.take(name))
}

/// The text and the object of what PVE has. `name` is what the word may be called in the text.
pub fn read<O: Object>(
    live: Option<&String>,
    name: &str,
    (asked, beside): (Option<&String>, Option<&O>),
) -> (Option<String>, Option<O>) {
    if let Some(whole) = asked.filter(|asked| is_whole(asked) && beside.is_none()) {
        let same = live.is_some_and(|live| same_settings(whole, live, name));
        return (if same { Some(whole) } else { live }.cloned(), None);
    }
    let mut string = live.and_then(|text| text.parse::<PropertyString>().ok()).unwrap_or_default();
    let word = string.take_default().or_else(|| string.take(name));
    let asked = beside.map(Object::encode);
    let found = parts::values(&O::attributes(), &string, asked.as_ref());
    (word, O::decode(&found).ok())
}

/// The text that PVE is to be told; none if it has it already. `prior`: what the state had for the text.
pub fn text<O: Object>(
    live: Option<&String>,
    name: &str,
    (asked, beside): (Option<&String>, Option<&O>),
    prior: Option<&String>,
) -> Option<String> {
    // A text that was all of it and is the word alone now takes the rest away.
    let all = |asked: &&String| is_whole(asked) || (beside.is_none() && prior.is_some_and(|prior| is_whole(prior)));
    if let Some(asked) = asked.filter(all) {
        return (!live.is_some_and(|live| same_settings(asked, live, name))).then(|| asked.clone());
    }
    let mut string = live.and_then(|text| text.parse::<PropertyString>().ok()).unwrap_or_default();
    let mut changed = false;
    if let Some(asked) = asked {
        let is = string.default_value().map(str::to_owned).or_else(|| string.get(name).map(str::to_owned));
        if is.as_ref() != Some(asked) {
            changed = true;
            string.take(name);
            string.set_default(Some(asked.clone()));
        }
    }
    if let Some(beside) = beside {
        changed |= parts::put(&O::attributes(), &beside.encode(), &mut string);
    }
    changed.then(|| string.to_string())
}

/// Whether word and object say what a whole text says, defaults that it spells out included.
pub fn same<O: Object>(whole: &str, name: &str, said: Option<&String>, beside: Option<&O>) -> bool {
    let Ok(string) = whole.parse::<PropertyString>() else { return false };
    let whole = O::decode(&parts::values(&O::attributes(), &string, None)).map(|whole| whole.encode());
    word_of(string, name).as_ref() == said && whole.ok() == beside.map(Object::encode)
}

#[cfg(test)]
mod tests {
    use super::super::processor::CpuOptions;
    use super::*;

    fn flags(flags: &[&str]) -> CpuOptions {
        CpuOptions { flags: Some(flags.iter().map(|flag| (*flag).to_owned()).collect()), ..CpuOptions::default() }
    }

    fn owned(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn the_word_and_the_rest_are_told_apart() {
        let live = owned("host,flags=+aes;-pcid,hidden=1");
        let (word, beside) = read::<CpuOptions>(Some(&live), "cputype", (None, None));
        let beside = beside.unwrap();
        assert_eq!((word.as_deref(), beside.hidden), (Some("host"), Some(true)));
        assert_eq!(beside.flags, flags(&["+aes", "-pcid"]).flags);
        assert_eq!(text(Some(&live), "cputype", (word.as_ref(), Some(&beside)), word.as_ref()), None);
        assert!(same("hidden=1,flags=+aes;-pcid,cputype=host", "cputype", word.as_ref(), Some(&beside)));
        assert!(!same("host,flags=+aes", "cputype", word.as_ref(), Some(&beside)));
        let unhidden = CpuOptions { hidden: Some(false), ..CpuOptions::default() };
        assert!(
            same("hidden=0,cputype=host", "cputype", word.as_ref(), Some(&unhidden)),
            "a default that is spelt out"
        );
        let plain = owned("cputype=host");
        // Where nothing is said, the defaults hold.
        let nothing = CpuOptions { hidden: Some(false), ..CpuOptions::default() };
        let found = read::<CpuOptions>(Some(&plain), "cputype", (None, None));
        assert_eq!(found, (Some(owned("host")), Some(nothing.clone())));
        assert_eq!(read::<CpuOptions>(None, "cputype", (None, None)), (None, Some(nothing)));
    }

    #[test]
    fn a_whole_text_stands_as_a_whole() {
        let (live, whole) = (owned("host,flags=+aes"), owned("flags=+aes,cputype=host"));
        assert_eq!(read::<CpuOptions>(Some(&live), "cputype", (Some(&whole), None)), (Some(whole.clone()), None));
        assert_eq!(text::<CpuOptions>(Some(&live), "cputype", (Some(&whole), None), None), None);
        let other = owned("max,hidden=1");
        assert_eq!(text::<CpuOptions>(Some(&live), "cputype", (Some(&other), None), Some(&whole)), Some(other));
        // The word alone, where all of it stood: the rest goes.
        let word = owned("host");
        assert_eq!(text::<CpuOptions>(Some(&live), "cputype", (Some(&word), None), Some(&whole)), Some(word.clone()));
        assert_eq!(text::<CpuOptions>(Some(&live), "cputype", (Some(&word), None), Some(&word)), None);
    }

    #[test]
    fn only_what_differs_is_told() {
        let (live, max) = (owned("host,flags=+aes,reported-model=kvm64"), owned("max"));
        let told = text(Some(&live), "cputype", (Some(&max), Some(&flags(&["-aes"]))), None);
        assert_eq!(told.as_deref(), Some("max,flags=-aes,reported-model=kvm64"));
        let told = text(None, "cputype", (None, Some(&flags(&["+aes"]))), None);
        assert_eq!(told.as_deref(), Some("flags=+aes"));
        assert_eq!(text::<CpuOptions>(None, "cputype", (None, Some(&CpuOptions::default())), None), None);
    }
}
