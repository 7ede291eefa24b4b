--- The suggestion on the screen.
---
--- `vim.lsp.inline_completion` of Neovim 0.12 keeps it private: its public functions accept all of
--- it or show another one. To accept a part of it, and to ask for more, this file reads the private
--- state of that module; no other file does.
local M = {}

local METHOD = 'textDocument/inlineCompletion'

--- The object with the current buffer's suggestions; nil if inline completion is not enabled.
local function completor()
  local found, capability = pcall(require, 'vim.lsp._capability')
  local kind = found and capability.all.inline_completion
  return kind and kind.active[vim.api.nvim_get_current_buf()] or nil
end

--- The shown suggestion.
---@return vim.lsp.inline_completion.Item?
function M.item()
  local keeper = completor()
  return keeper and keeper.current
end

--- Make an explicit request, which is answered whatever the confidence, with several candidates.
---@param client vim.lsp.Client
---@param next boolean whether to show another candidate than the present one
function M.ask(client, next)
  local keeper = completor()
  if not keeper then
    return
  end
  local before = keeper.current and keeper.current.insert_text
  -- A pending automatic request would replace the answer.
  keeper:reset_timer()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = vim.lsp.protocol.InlineCompletionTriggerKind.Invoked }
  -- By its number, because for buffer 0 Neovim 0.12 does not send pending changes first.
  local buffer = vim.api.nvim_get_current_buf()
  client:request(METHOD, params, function(err, result, ctx)
    keeper:handler(err, result, ctx)
    if next and keeper.current and keeper.current.insert_text == before then
      vim.lsp.inline_completion.select()
    end
  end, buffer)
end

--- Whether there is more than one to choose from.
---@return boolean
function M.has_others()
  local keeper = completor()
  return keeper ~= nil and keeper:count_items() > 1
end

return M
