//! Settings as people see them: `config show` and the reference.

use std::fmt::Write as _;

use serde::Serialize;

use super::layers::Given;
use super::secret::Secret;
use super::setting::{Form, Group, Setting};
use super::table::SETTINGS;

/// A setting as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The setting.
    pub name: &'static str,
    /// Its value, `***` if it is a secret.
    pub value: String,
    /// Where the value comes from: `--flag`, `environment NAME`, `file PATH` or `default`.
    pub origin: String,
}

impl Shown {
    pub(super) fn new(setting: &Setting, given: Option<Given>, fallback: String) -> Self {
        let (value, origin) = match given {
            Some(given) => (presentable(setting, &given.texts.join(", ")), given.origin),
            None => (fallback, "default".to_owned()),
        };
        Self {
            name: setting.name,
            value,
            origin,
        }
    }
}

/// Returns a value as it may be shown: a secret as `***`, and likewise what may be one within a
/// URL.
pub(crate) fn presentable(setting: &Setting, value: &str) -> String {
    if setting.secret {
        return Secret::MASK.to_owned();
    }
    if setting.form != Form::One("URL") || value == setting.default_text() {
        return value.to_owned();
    }
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None if setting.secret_path => return Secret::MASK.to_owned(),
        None => (String::new(), value),
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (format!("{}@", Secret::MASK), rest),
        None => (String::new(), rest),
    };
    let ends: &[char] = if setting.secret_path {
        &['/', '?', '#']
    } else {
        &['?', '#']
    };
    match rest.find(ends) {
        Some(end) if &rest[end..] != "/" => {
            format!("{scheme}{user}{}{}", &rest[..=end], Secret::MASK)
        }
        _ => format!("{scheme}{user}{rest}"),
    }
}

/// Writes the reference of all settings as Markdown, a table for each group.
pub fn reference() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "## {}\n\n| key | flag | environment | default | meaning | allowed |\n\
             |---|---|---|---|---|---|\n",
            group.heading()
        );
        for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
            text += &row(setting);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn row(setting: &Setting) -> String {
    let code = |text: Option<String>| text.map_or_else(String::new, |text| format!("`{text}`"));
    let flag = setting.flag.map(|flag| match setting.form {
        Form::Switch => format!("--{flag}"),
        Form::One(value) | Form::Many(value) => format!("--{flag} {value}"),
    });
    let cells = [
        code(setting.in_file.then(|| setting.name.to_owned())),
        code(flag),
        code(setting.environment.map(str::to_owned)),
        code(Some(setting.default_text().to_owned())),
        setting.doc.to_owned(),
        setting.allowed_text(),
    ];
    format!(
        "| {} |\n",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_masked() {
        let check = |name, value, expected| {
            assert_eq!(presentable(Setting::find(name).unwrap(), value), expected);
        };
        check("clickhouse_password", "hunter2", "***");
        check("clickhouse_url", "http://h:8123", "http://h:8123");
        check(
            "clickhouse_url",
            "http://u:p@ss@h:8123",
            "http://***@h:8123",
        );
        check("clickhouse_url", "http://h/?password=p", "http://h/?***");
        check("clickhouse_url", "http://h/proxy#p", "http://h/proxy#***");
        check("endpoint", "http://h/api/key/gn?key=p", "http://h/***");
        check("endpoint", "h/api/key/gn", "***");
        check("endpoint", "key", "***");
        check("endpoint", "http://u:p/p@h/api", "http://***@h/***");
        check("endpoint", "http://h/", "http://h/");
        check("gamma_url", "http://h?key=p", "http://h?***");
        let public = Setting::find("endpoint").unwrap().default_text();
        check("endpoint", public, public);
        check("clickhouse_url", "u:p@h", "***@h");
        check("table", "a@b", "a@b");
    }
}
