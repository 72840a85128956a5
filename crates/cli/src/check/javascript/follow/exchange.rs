//! What goes from file to file: `require`, `import` and `export`.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, CallExpression, Declaration, ExportDefaultDeclarationKind,
    ImportDeclarationSpecifier, ModuleExportName, TSModuleReference,
};

use super::evaluate::last_name;
use super::{Follow, as_function, constructor, is_sdk, modules};
use crate::check::javascript::value::{Value, Values};

impl<'a> Follow<'a, '_> {
    pub(super) fn flow_between_files(&mut self, file: usize, kind: AstKind<'a>) {
        match kind {
            AstKind::ImportDeclaration(import) if !import.import_kind.is_type() => {
                let module = self.required(file, import.source.value.as_str());
                for specifier in import.specifiers.iter().flatten() {
                    let (local, values) = match specifier {
                        ImportDeclarationSpecifier::ImportSpecifier(one) => {
                            (&one.local, self.members(&module, name_of(&one.imported)))
                        }
                        ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                            (&one.local, self.members(&module, "default"))
                        }
                        ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => {
                            (&one.local, module.clone())
                        }
                    };
                    self.variable(file, local.symbol_id.get(), &values);
                    if let ImportDeclarationSpecifier::ImportSpecifier(one) = specifier {
                        self.record_member(file, &module, name_of(&one.imported), one.span);
                    }
                }
            }
            AstKind::TSImportEqualsDeclaration(import) => {
                if let TSModuleReference::ExternalModuleReference(reference) =
                    &import.module_reference
                {
                    let values = self.required(file, reference.expression.value.as_str());
                    self.variable(file, import.id.symbol_id.get(), &values);
                }
            }
            AstKind::TSExportAssignment(export) => {
                let values = self.value(file, &export.expression);
                self.news |= self.modules[file].whole.add(&values);
            }
            AstKind::ExportDefaultDeclaration(export) => {
                let values = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                        as_function(file, function).map(|function| Value::Function(function).into())
                    }
                    ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                        Some(Value::Class(file, constructor(file, class)).into())
                    }
                    other => other.as_expression().map(|value| self.value(file, value)),
                };
                if let Some(values) = values {
                    self.export(file, "default", &values);
                }
            }
            AstKind::ExportAllDeclaration(export) => {
                let values = self.required(file, export.source.value.as_str());
                if let Some(name) = &export.exported {
                    self.export(file, name_of(name), &values);
                } else {
                    self.export_all(file, &values);
                }
            }
            AstKind::ExportNamedDeclaration(export) => {
                let source = export.source.as_ref();
                let source = source.map(|source| self.required(file, source.value.as_str()));
                for specifier in &export.specifiers {
                    let values = match (&source, &specifier.local) {
                        (Some(module), local) => self.members(module, name_of(local)),
                        (None, ModuleExportName::IdentifierReference(local)) => {
                            self.reference(file, local)
                        }
                        (None, _) => Values::unknown(),
                    };
                    self.export(file, name_of(&specifier.exported), &values);
                }
                self.exported_declaration(file, export.declaration.as_ref());
            }
            _ => {}
        }
    }

    /// `__exportStar(require('./x'), exports)`, which compilers make of `export *`.
    pub(super) fn export_star(&mut self, file: usize, call: &'a CallExpression<'a>) {
        let module = call.arguments.first().and_then(Argument::as_expression);
        if let (Some(module), "__exportStar") = (module, last_name(&call.callee)) {
            let values = self.value(file, module);
            self.export_all(file, &values);
        }
    }

    /// All that a file or the SDK exports.
    fn export_all(&mut self, file: usize, values: &Values<'a>) {
        for value in &values.known {
            match value {
                Value::Module(other) if !self.modules[file].all_of.contains(other) => {
                    self.modules[file].all_of.push(*other);
                    self.news = true;
                }
                Value::Sdk => self.news |= self.modules[file].whole.add(&Value::Sdk.into()),
                _ => {}
            }
        }
    }

    /// `export const …`, `export function …`: the variables have their values already, or will.
    fn exported_declaration(&mut self, file: usize, declaration: Option<&'a Declaration<'a>>) {
        let mut symbols = Vec::new();
        match declaration {
            Some(Declaration::VariableDeclaration(variables)) => {
                for declarator in &variables.declarations {
                    for id in declarator.id.get_binding_identifiers() {
                        symbols.push((id.name.as_str(), id.symbol_id.get()));
                    }
                }
            }
            Some(Declaration::FunctionDeclaration(function)) => {
                symbols.extend(
                    function
                        .id
                        .iter()
                        .map(|id| (id.name.as_str(), id.symbol_id.get())),
                );
            }
            Some(Declaration::ClassDeclaration(class)) => {
                symbols.extend(
                    class
                        .id
                        .iter()
                        .map(|id| (id.name.as_str(), id.symbol_id.get())),
                );
            }
            _ => {}
        }
        for (name, symbol) in symbols {
            let Some(symbol) = symbol else { continue };
            let values = self.variables.get(&(file, symbol)).cloned();
            self.export(file, name, &values.unwrap_or_default());
        }
    }

    pub(super) fn export(&mut self, file: usize, name: &'a str, values: &Values<'a>) {
        self.news |= self.modules[file]
            .named
            .entry(name)
            .or_default()
            .add(values);
    }

    /// What `require` gives: the exports, and what was assigned to `module.exports` in full.
    pub(super) fn required(&self, file: usize, name: &str) -> Values<'a> {
        if is_sdk(name) {
            return Value::Sdk.into();
        }
        match modules::resolve(self.names, self.names[file], name) {
            Some(module) => Values::from(Value::Module(module)).or(&self.modules[module].whole),
            None => Values::unknown(),
        }
    }
}

fn name_of<'a>(name: &ModuleExportName<'a>) -> &'a str {
    match name {
        ModuleExportName::IdentifierName(name) => name.name.as_str(),
        ModuleExportName::IdentifierReference(name) => name.name.as_str(),
        ModuleExportName::StringLiteral(text) => text.value.as_str(),
    }
}
